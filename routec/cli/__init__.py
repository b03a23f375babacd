"""The command line: a module a verb. Each gathers, calls, prints, and gives the exit code; it decides nothing."""

GOOD = 0
FAULTS = 1
USAGE = 2
