"""Benchmarks: ratios in one run, never timed tests. `python -m tests.bench`."""
