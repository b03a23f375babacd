"""What is done with a compilation: writing it down, and doing so again on every change."""
