"""The command line: a module a verb. Each gathers, calls, prints, and gives the exit code; it decides nothing."""

GOOD = 0
FAULTS = 1
USAGE = 2
REFUSED = 3
"""What the PBX says, or that it says nothing."""
INTERRUPTED = 130
"""As a shell says of what Ctrl-C ended."""
