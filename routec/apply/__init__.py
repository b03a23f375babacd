"""What is done with a compilation: written down, put in force on a PBX, and read back.

`applier` is the way from a build to what the PBX runs, by `planning`, `publish`, `read_back`, `putting_back` and
`sweeping`. `ami/` talks to Asterisk, `words/` says what a dialplan means for callers, `watching/` does it all again on
every change, and `doctor/` looks for what is wrong with a set-up.
"""
