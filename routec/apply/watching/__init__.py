"""Files that change, and a dialplan that follows them: the watcher, and the loop that keeps the PBX up to date."""
