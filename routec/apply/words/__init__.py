"""What a dialplan means for those who call, in words: stories of numbers, changes between two, where a step stands."""
