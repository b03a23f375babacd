"""What Asterisk can hold, measured or read in its sources (16 to 22); and what a name of ours is made of."""

import re

NAME = re.compile(r"[a-z][a-z0-9_-]*")
"""A name as the grammar has it: a route's, a module's, a user's, a prompt's."""

LONGEST_CONTEXT = 79
"""Characters in the name of a context (AST_MAX_CONTEXT less its end); what is longer is cut."""

LONGEST_DATA = 8000
"""Bytes in the arguments of an application; a line of a dialplan ends at 8,191."""

HASH_DIGITS = 12
"""Digits of the content hash in the name of a route's context."""

LONGEST_ROUTE_NAME = LONGEST_CONTEXT - len("routec-") - 1 - HASH_DIGITS

LONGEST_MODULE_NAME = LONGEST_CONTEXT - len("routec-signin.") - 1 - HASH_DIGITS

LONGEST_USER_NAME = 64
LONGEST_SAID = 50
"""Characters read aloud by one `say`: half a minute of it."""

LARGEST_NUMBER = 999_999_999
"""Asterisk's SayNumber holds what fits into 31 bits, and says no more than that it does not."""

LONGEST_SOUND = 200
"""Characters; an AGI command has 2,048 bytes on 16 and 18."""

MOST_TARGETS = 50
"""Extensions rung by one `dial`: 50 times the longest dial string and extension still fit `LONGEST_DATA`."""
