"""Long lists of keys, cut so that every database takes them in one statement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

AT_ONCE = 900  # SQLite may be built to refuse a thousand


def portions(keys: Iterable[int], size: int = AT_ONCE) -> Iterator[list[int]]:
    """The keys in their order, each once, at most ``size`` at a time."""
    rest = iter(dict.fromkeys(map(int, keys)))
    while some := list(islice(rest, size)):
        yield some
