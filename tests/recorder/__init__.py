"""Recording prompts by phone: the conversation, its files, and the other end of AGI, as it should be and is not."""
