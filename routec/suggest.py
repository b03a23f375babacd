"""Did you mean: the known word that is nearest to a mistyped one."""

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like `word`, or None where none is like it. Equal likeness: the first by alphabet."""
    from difflib import SequenceMatcher, get_close_matches

    lowered = word.lower()
    near = [candidate for candidate in known if abs(len(candidate) - len(word)) <= 3]
    best = get_close_matches(lowered, near, n=4, cutoff=0.65)
    return min(best, key=lambda found: (-SequenceMatcher(None, found, lowered).ratio(), found), default=None)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A help line, or an empty string."""
    found = nearest(word, known)
    return f"did you mean `{found}`?" if found else ""
