"""The files of one immutable segment: raw little-endian arrays and a FAISS index over them.

``ids.bin`` int64 [N], ``owners.bin`` int64 [N], ``hashes.bin`` uint64 [N], ``vectors.bin`` float16 [N, D]
(the originals, for merging segments without loss and for exact scores of lossy engines) and
``index.faiss``. Everything is mapped into memory, so many processes share one copy.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from search.errors import IndexCorrupt, IndexMismatch
from search.index.base import AliveMask, IndexRows
from search.index.durable import publish, sync_directory, sync_file, temporary_beside
from search.index.faiss_segment import FaissIndex, build_index, read_index, write_index
from search.index.hash_bands import BandedHashIndex, HashBands
from search.index.manifest import FileEntry, SegmentEntry
from search.types import Float16Array, Int64Array, UInt64Array

IDS, OWNERS, HASHES, VECTORS, FAISS = "ids.bin", "owners.bin", "hashes.bin", "vectors.bin", "index.faiss"
ARRAYS = {
    "ids": (IDS, "<i8"),
    "owners": (OWNERS, "<i8"),
    "hashes": (HASHES, "<u8"),
    "vectors": (VECTORS, "<f2"),
}


def write_segment(
    parent: Path, rows: Iterable[IndexRows], *, dimension: int, choose: Callable[[int], str]
) -> SegmentEntry | None:
    """Write ``rows`` as a new segment in ``parent``, durably; ``None`` when there are none.

    The arrays are streamed to disk, so memory holds one batch and the FAISS index. ``choose`` maps the
    number of rows to a FAISS factory string.

    Raises:
        IndexMismatch: a batch fails :meth:`IndexRows.check`, or an id comes twice.
    """
    name = f"segment-{secrets.token_hex(6)}"
    with _new_directory(parent / name) as directory:
        count = _write_arrays(directory, rows, dimension)
        if count == 0:
            return None
        factory = choose(count)
        vectors = map_array(directory / VECTORS, "<f2", (count, dimension))
        write_index(build_index(vectors, factory), directory / FAISS)
        files = tuple(_synced(directory / file) for file in (IDS, OWNERS, HASHES, VECTORS, FAISS))
        sync_directory(directory)
        publish(directory, parent / name)
    return SegmentEntry(name, count, factory, files)


@contextmanager
def _new_directory(final: Path) -> Iterator[Path]:
    temporary = temporary_beside(final)
    temporary.mkdir(parents=True)
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)  # already renamed when all went well


def _write_arrays(directory: Path, batches: Iterable[IndexRows], dimension: int) -> int:
    seen = [np.empty(0, np.int64)]
    with ExitStack() as stack:
        streams = {
            field: stack.enter_context((directory / file).open("wb")) for field, (file, _) in ARRAYS.items()
        }
        for batch in batches:
            batch.check(dimension)
            seen.append(batch.ids)
            for field, (_, dtype) in ARRAYS.items():
                streams[field].write(np.ascontiguousarray(getattr(batch, field), dtype).tobytes())
    ids = np.concatenate(seen)
    if len(np.unique(ids)) != len(ids):
        raise IndexMismatch("The same row id was given twice.")
    return len(ids)


def _synced(path: Path) -> FileEntry:
    sync_file(path)
    return FileEntry.of(path)


def map_array(path: Path, dtype: str, shape: tuple[int, ...]) -> Any:
    """A read-only memory map of a raw array whose size was checked."""
    return np.memmap(path, dtype=dtype, mode="r", shape=shape)


@dataclass(frozen=True, slots=True)
class SegmentRows:
    """The arrays of a segment, mapped; see the module for shapes. Without a FAISS index it costs nothing."""

    ids: Int64Array
    owners: Int64Array
    hashes: UInt64Array
    vectors: Float16Array

    def __len__(self) -> int:
        return len(self.ids)

    def batches(self, positions: Int64Array, size: int) -> Iterator[IndexRows]:
        """Copies of the rows at ``positions``, ``size`` at a time."""
        rows = IndexRows(self.ids, self.owners, self.vectors, self.hashes)
        for start in range(0, len(positions), size):
            yield rows.take(positions[start : start + size])


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment opened for searching. It never changes, so generations and threads share it."""

    name: str
    rows: SegmentRows
    faiss: Any
    bands: HashBands

    def vectors_index(self, alive: AliveMask | None) -> FaissIndex:
        """Its vector engine, limited to the ``alive`` rows."""
        rows = self.rows
        return FaissIndex(self.faiss, ids=rows.ids, owners=rows.owners, vectors=rows.vectors, alive=alive)

    def hashes_index(self, alive: AliveMask | None) -> BandedHashIndex:
        """Its hash engine, limited to the ``alive`` rows."""
        rows = self.rows
        return BandedHashIndex(rows.ids, rows.owners, rows.hashes, alive, bands=self.bands)


def map_rows(parent: Path, entry: SegmentEntry, *, dimension: int, content: bool) -> SegmentRows:
    """Map a segment's arrays after checking sizes (and checksums, where ``content`` asks for it).

    Raises:
        IndexCorrupt: a file is missing, torn or changed.
    """
    directory = parent / entry.name
    arrays = {}
    for field, (file, dtype) in ARRAYS.items():
        shape = (entry.rows, dimension) if field == "vectors" else (entry.rows,)
        path = _checked(directory, entry.file(file), shape, dtype, content=content)
        arrays[field] = map_array(path, dtype, shape)
    return SegmentRows(**arrays)


def _checked(directory: Path, file: FileEntry, shape: tuple[int, ...], dtype: str, *, content: bool) -> Path:
    path = file.check(directory, content=content)
    if file.size != int(np.prod(shape)) * np.dtype(dtype).itemsize:
        raise IndexCorrupt(f"The index file {file.name} in {directory.name} has the wrong size.")
    return path


def open_segment(parent: Path, entry: SegmentEntry, *, dimension: int) -> Segment:
    """Open a segment for searching; every byte of it is checked once.

    Raises:
        IndexCorrupt: a file is missing, torn or changed.
    """
    rows = map_rows(parent, entry, dimension=dimension, content=True)
    path = entry.file(FAISS).check(parent / entry.name, content=True)
    index = read_index(path, rows=entry.rows, dimension=dimension)
    return Segment(entry.name, rows, index, HashBands(rows.hashes))
