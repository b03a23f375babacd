"""Tests of what is kept: rows, counters, clockings and the outbox, on both databases."""
