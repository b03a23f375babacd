"""Text as every database takes it."""

MOST_TEXT = 80
"""The longest text in a column, in characters; what comes from a caller is cut to it before."""


def storable(text: str, most: int = MOST_TEXT) -> str:
    """Text cut to a column's length, without what a database refuses: NUL, and halves of characters."""
    return "".join("?" if c == "\0" or "\ud800" <= c <= "\udfff" else c for c in text[:most])
