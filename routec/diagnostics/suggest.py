"""Did you mean: the known word that is nearest to a mistyped one."""

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like `word`, or None where none is like it. Equal likeness: the first by alphabet."""
    from difflib import SequenceMatcher

    best, best_score = None, 0.0
    lowered = word.lower()
    for candidate in sorted(known):
        score = SequenceMatcher(None, lowered, candidate).ratio()
        if score > best_score:
            best, best_score = candidate, score
    return best if best_score >= 0.6 else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A help line, or an empty string."""
    found = nearest(word, known)
    return f"did you mean `{found}`?" if found else ""
