"""What is wrong with a PBX's set-up, and how to mend it: a module for each side of it."""
