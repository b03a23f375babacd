"""The shape of what a dialplan holds."""

from collections.abc import Mapping
from typing import NamedTuple


class Priority(NamedTuple):
    """What stands at one priority of an extension; `label` is empty where there is none."""

    label: str
    app: str
    data: str


HINT = -1
"""The priority that a hint has; it stands only in contexts of the admin's."""

Extensions = Mapping[str, Mapping[int, Priority]]
"""Of one context: extension (or pattern) to priority number to what is there."""

Held = Mapping[str, Extensions]
"""Context to its extensions."""
