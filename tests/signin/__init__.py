"""Tests of the sign-in runtime."""
