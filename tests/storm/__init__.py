"""Load and disaster on the running thing: `python -m tests.storm --help`; the tests run small ones of the same."""
