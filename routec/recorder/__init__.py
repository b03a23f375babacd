"""Prompts spoken in by phone: who is let in by a sign-in module records one, hears it, and keeps it."""
