"""What a published manifest says of the files beside it. Not the whole of it is read, which may be megabytes."""

import hashlib
import json
import re

from routec.apply.shelf import SOUNDS, is_sound


def digests(manifest: bytes | None) -> dict[str, str]:
    """The SHA-256 of each file that was written with it, by name."""
    match = re.search(rb'"digests"\s*:\s*(\{[^{}]*\})', manifest or b"")
    try:
        found = json.loads(match[1]) if match else {}
    except ValueError:
        return {}
    return {name: digest for name, digest in found.items() if isinstance(digest, str) and "/" not in name}


def says(manifest: bytes | None, name: str, data: bytes) -> bool:
    """Whether this is what was written with it as the file of that name."""
    return digests(manifest).get(name) == hashlib.sha256(data).hexdigest()


def saying(manifest: bytes, name: str, data: bytes) -> bytes:
    """A manifest that says so; the same, where it says nothing of such a file."""
    before = digests(manifest).get(name)
    return manifest.replace(before.encode(), hashlib.sha256(data).hexdigest().encode()) if before else manifest


def sounds(manifest: bytes | None) -> list[str]:
    """The sound files that were written with it."""
    text = (manifest or b"").decode("utf-8", "replace")
    match = re.search(r'"sounds"\s*:\s*', text)
    if match is None:
        return []
    try:
        names, _ = json.JSONDecoder().raw_decode(text, match.end())
        return [path for name in names if is_sound(path := f"{SOUNDS}/{name}")]
    except (ValueError, TypeError, RecursionError):
        return []
