"""Which rows of a segment were removed since: sorted positions in a small file of their own."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path

import numpy as np

from search.errors import IndexCorrupt
from search.index.base import AliveMask
from search.index.durable import write_durably
from search.index.manifest import FileEntry, SegmentEntry
from search.types import Int64Array


def read_removed(directory: Path, entry: SegmentEntry) -> Int64Array:
    """Positions (int64, rising) of the rows of ``entry`` that no longer count.

    Raises:
        IndexCorrupt: the file is missing, torn or does not fit the segment.
    """
    if entry.removed_file is None:
        return np.empty(0, np.int64)
    path = entry.removed_file.check(directory, content=True)
    positions = np.frombuffer(path.read_bytes(), "<i8").astype(np.int64)
    fits = len(positions) == entry.removed and len(positions) > 0
    if not fits or positions[0] < 0 or positions[-1] >= entry.rows or bool((np.diff(positions) <= 0).any()):
        raise IndexCorrupt(f"The removed rows of {entry.name} do not fit it.")
    return positions


def write_removed(directory: Path, entry: SegmentEntry, positions: Int64Array) -> SegmentEntry:
    """The entry with ``positions`` (int64, rising, not empty) as its removed rows, written durably."""
    path = directory / f"{entry.name}-{secrets.token_hex(6)}.bin"
    write_durably(path, positions.astype("<i8").tobytes())
    return replace(entry, removed=len(positions), removed_file=FileEntry.of(path))


def alive_mask(entry: SegmentEntry, removed: Int64Array) -> AliveMask | None:
    """bool [rows], false where removed; ``None`` when every row counts."""
    if len(removed) == 0:
        return None
    alive = np.ones(entry.rows, np.bool_)
    alive[removed] = False
    return alive
