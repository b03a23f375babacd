"""Sounds as files: what Asterisk can play of them, conversion, where they are kept, and speech. Knows no routes."""
