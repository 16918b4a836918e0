"""The index of one model on disk: immutable segments, manifests that name them, and nothing else.

``commit`` writes what is new beside what exists and returns the manifest's name; it is in force once the
caller has recorded that name. Until then, and after a crash at any point, the previous name still opens.
Only files that no kept manifest names are ever removed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import numpy as np

from search.errors import IndexMismatch
from search.index.base import IndexRows
from search.index.compaction import SegmentSize, plan
from search.index.faiss_segment import factory_for
from search.index.manifest import (
    Manifest,
    SegmentEntry,
    manifest_path,
    read_manifest,
    require_model,
    write_manifest,
)
from search.index.reader import IndexReader, SegmentView
from search.index.segment_files import map_rows, open_segment, write_segment
from search.index.tombstones import alive_mask, read_removed, write_removed
from search.types import Int64Array

MERGE_ROWS = 16_384
"""Rows copied at a time when segments are merged (8 MiB of 256-d vectors)."""

GRACE_SECONDS = 600.0
"""Unnamed files younger than this stay: another process may be about to record or to read them."""


class IndexStore:
    """The directory of one model's index. Any number of readers; writers are expected to take turns, but two
    at once only waste work, because every attempt has names of its own.

    ``choose`` maps a number of rows to the FAISS factory string of a segment of that size.
    """

    def __init__(
        self,
        directory: Path,
        *,
        model_key: str,
        dimension: int,
        choose: Callable[[int], str] = factory_for,
    ) -> None:
        self._model_key, self._dimension, self._choose = model_key, dimension, choose
        self._directory = directory
        self._manifests = directory / "manifests"
        self._segments = directory / "segments"
        self._removed = directory / "removed"

    def commit(
        self, base: str, *, additions: Iterable[IndexRows], removals: Int64Array, after: int = 0
    ) -> Manifest:
        """Write the generation that follows ``base`` and return its manifest.

        ``base``: a manifest's name, or "" for an empty index. ``additions`` are streamed and must not hold
        ids that ``base`` keeps. ``removals``: int64 [M]; ids the index does not hold are ignored, and an id
        in both is replaced. ``after``: the generation to count on from when ``base`` is empty (a rebuild).
        When nothing would change, the manifest of ``base`` is returned. Small and worn segments are merged
        on the way. The cost follows the change, plus a look at the ids (8 bytes a row).

        Raises:
            IndexMismatch: rows of another dimension or type, or an id that is already there. Nothing
                was changed.
            IndexCorrupt: ``base`` is missing or torn.
        """
        if removals.dtype != np.int64 or removals.ndim != 1:
            raise IndexMismatch("Removals must be int64 of one dimension.")
        with self._writing():
            current = self._manifest(base)
            segments = self._without(current.segments, removals)
            segments += self._added(segments, additions)
            if segments == current.segments and base:
                return current
            manifest = current.following(self._compacted(segments), after=after)
            write_manifest(self._manifests, manifest)
        return manifest

    def open(self, manifest: str, *, previous: IndexReader | None = None) -> IndexReader:
        """Open a generation for searching; "" gives an empty one. Segments that ``previous`` (a reader of the
        same store) has open are taken over; new ones are mapped and checked against their checksums.

        Raises:
            IndexCorrupt: the manifest or a file it names is missing or torn.
            IndexMismatch: it belongs to another model.
        """
        opened = self._manifest(manifest)
        known = {view.entry.name: view for view in previous.views} if previous else {}
        return IndexReader(opened, [self._view(entry, known.get(entry.name)) for entry in opened.segments])

    def collect_garbage(self, keep: Collection[str], *, grace_seconds: float = GRACE_SECONDS) -> None:
        """Remove everything that no manifest named in ``keep`` needs and that is older than the grace period.
        Does nothing while a commit is under way in any process. Readers that are open keep working.

        Raises:
            IndexCorrupt: a kept manifest cannot be read. Nothing was removed.
        """
        needed = self._needed(keep)
        if not self._directory.is_dir():
            return
        with _locked(self._directory, fcntl.LOCK_EX | fcntl.LOCK_NB) as alone:
            if not alone:
                return
            oldest = time.time() - grace_seconds
            for folder in (self._manifests, self._removed, self._segments):
                for path in _entries(folder):
                    if path not in needed and path.stat().st_mtime <= oldest:
                        _remove(path)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        for folder in (self._manifests, self._segments, self._removed):
            folder.mkdir(parents=True, exist_ok=True)
        with _locked(self._directory, fcntl.LOCK_SH):
            yield

    def _manifest(self, name: str) -> Manifest:
        if not name:
            return Manifest("", 0, self._model_key, self._dimension)
        manifest = read_manifest(self._manifests, name)
        require_model(manifest, model_key=self._model_key, dimension=self._dimension)
        return manifest

    def _without(self, entries: tuple[SegmentEntry, ...], removals: Int64Array) -> tuple[SegmentEntry, ...]:
        return tuple(self._segment_without(entry, removals) for entry in entries)

    def _segment_without(self, entry: SegmentEntry, removals: Int64Array) -> SegmentEntry:
        if len(removals) == 0:
            return entry
        ids = map_rows(self._segments, entry, dimension=self._dimension, content=False).ids
        removed = np.union1d(read_removed(self._removed, entry), np.flatnonzero(np.isin(ids, removals)))
        return entry if len(removed) == entry.removed else write_removed(self._removed, entry, removed)

    def _added(
        self, kept: tuple[SegmentEntry, ...], additions: Iterable[IndexRows]
    ) -> tuple[SegmentEntry, ...]:
        batches = iter(additions)
        first = next(batches, None)
        if first is None:
            return ()
        present = np.concatenate([np.empty(0, np.int64), *(self._live_ids(entry) for entry in kept)])
        checked = (_absent(batch, present) for batch in chain([first], batches))
        entry = write_segment(self._segments, checked, dimension=self._dimension, choose=self._choose)
        return (entry,) if entry else ()

    def _live_ids(self, entry: SegmentEntry) -> Int64Array:
        ids = map_rows(self._segments, entry, dimension=self._dimension, content=False).ids
        return np.delete(ids, read_removed(self._removed, entry))

    def _compacted(self, entries: tuple[SegmentEntry, ...]) -> tuple[SegmentEntry, ...]:
        groups = plan([SegmentSize(entry.live, entry.removed) for entry in entries])
        merged = {position for group in groups for position in group}
        kept = [entry for position, entry in enumerate(entries) if position not in merged]
        written = [self._merged([entries[position] for position in group]) for group in groups]
        return (*kept, *(entry for entry in written if entry))

    def _merged(self, entries: list[SegmentEntry]) -> SegmentEntry | None:
        rows = chain.from_iterable(self._live_rows(entry) for entry in entries if entry.live)
        return write_segment(self._segments, rows, dimension=self._dimension, choose=self._choose)

    def _live_rows(self, entry: SegmentEntry) -> Iterator[IndexRows]:
        rows = map_rows(self._segments, entry, dimension=self._dimension, content=True)
        live = np.delete(np.arange(entry.rows), read_removed(self._removed, entry))
        return rows.batches(live, MERGE_ROWS)

    def _view(self, entry: SegmentEntry, known: SegmentView | None) -> SegmentView:
        if known and known.entry == entry:
            return known
        same = known and (known.entry.files == entry.files)
        segment = (
            known.segment
            if known and same
            else open_segment(self._segments, entry, dimension=self._dimension)
        )
        return SegmentView.of(entry, segment, alive_mask(entry, read_removed(self._removed, entry)))

    def _needed(self, keep: Collection[str]) -> set[Path]:
        needed = set()
        for name in filter(None, keep):
            needed.add(manifest_path(self._manifests, name))
            for entry in self._manifest(name).segments:
                needed.add(self._segments / entry.name)
                if entry.removed_file:
                    needed.add(self._removed / entry.removed_file.name)
        return needed


def _absent(batch: IndexRows, present: Int64Array) -> IndexRows:
    if bool(np.isin(batch.ids, present).any()):
        raise IndexMismatch("A row with this id is already in the index; remove it first.")
    return batch


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


@contextmanager
def _locked(directory: Path, mode: int) -> Iterator[bool]:
    """Hold the directory's lock (released by the system if the process dies); false if it is taken."""
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, mode)
        held = True
    except BlockingIOError:
        held = False
    try:
        yield held
    finally:
        os.close(descriptor)
