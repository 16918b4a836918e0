"""Keeping the index equal to the database: the only writer of generations."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from search.errors import IndexCorrupt
from search.index.base import IndexRows
from search.types import Int64Array
from tasks import runtime
from tasks.celery import app
from webapp.models import IndexState
from webapp.selectors import index as wanted
from webapp.services.index import IndexBusy, LeaseLost, ModelChanged, point_to, writer

if TYPE_CHECKING:
    from search.index.manifest import Manifest
    from search.index.reader import IndexReader
    from search.index.segments import IndexStore

logger = logging.getLogger(__name__)

CHANGES_AT_ONCE = 20_000
TASK_WAIT_SECONDS = 10.0
ATTEMPTS = 5
NOTHING = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Difference:
    """Sorted int64 ids: ``missing`` belong in the index and are not there, ``extra`` the other way round."""

    missing: Int64Array
    extra: Int64Array

    def __bool__(self) -> bool:
        return len(self.missing) > 0 or len(self.extra) > 0


@dataclass(frozen=True, slots=True)
class IndexCheck:
    """Rows in the database against vectors in the index. ``problem``: why the index cannot be read."""

    rows: int
    vectors: int
    missing: int
    extra: int
    problem: str = ""

    @property
    def is_good(self) -> bool:
        return not self.problem and self.rows == self.vectors and self.missing == self.extra == 0


@app.task
def sync_index(repair: bool = False) -> None:
    """Take in what changed. ``repair``: compare everything instead."""
    try:
        changed = (
            repair_index(wait_seconds=TASK_WAIT_SECONDS) if repair else sync(wait_seconds=TASK_WAIT_SECONDS)
        )
    except (IndexBusy, LeaseLost, ModelChanged) as error:
        logger.info("The index is left to another writer or the next sweep: %r", error)
    else:
        logger.info("The index changed by %d vectors.", changed)


def sync(*, wait_seconds: float) -> int:
    """Bring the active model's index in step with the changes noted; how many vectors came or went.

    Raises:
        IndexBusy: another process kept writing it. LeaseLost, ModelChanged: another took over meanwhile.
    """
    key = wanted.active_model_key()
    if not wanted.waiting_changes(1)[0]:
        return 0
    total = 0
    with writer(model_key=key, wait_seconds=wait_seconds) as (state, token):
        work = _Writer(key, state, token)
        seen, contents = wanted.waiting_changes(CHANGES_AT_ONCE)
        while seen:
            total += work.sync_contents(contents, seen)
            seen, contents = wanted.waiting_changes(CHANGES_AT_ONCE)
    return total


def sync_surely(*, wait_seconds: float) -> int:
    """As :func:`sync`, but once more after another writer or model came between."""
    for _ in range(ATTEMPTS):
        try:
            return sync(wait_seconds=wait_seconds)
        except (LeaseLost, ModelChanged) as error:
            logger.info("The sync starts again: %r", error)
    raise IndexBusy("Others keep writing the index.")


def repair_index(*, wait_seconds: float, model_key: str | None = None) -> int:
    """Compare every row with every vector and mend the difference; how many vectors came or went."""
    key = model_key or wanted.active_model_key()
    with writer(model_key=key, wait_seconds=wait_seconds) as (state, token):
        return _Writer(key, state, token, afresh=True).sync_everything()


def rebuild(*, wait_seconds: float, model_key: str | None = None) -> int:
    """Write all vectors anew beside the old index, then switch to it; how many there are."""
    key = model_key or wanted.active_model_key()
    with writer(model_key=key, wait_seconds=wait_seconds) as (state, token):
        return _Writer(key, state, token).rebuild()


def check(*, model_key: str | None = None) -> IndexCheck:
    """Compare rows and vectors of the generation that readers use now."""
    key = model_key or wanted.active_model_key()
    state = wanted.index_state(key)
    rows = wanted.indexable_ids(key)
    try:
        # Opened afresh and not taken from memory, so that files which were damaged since are noticed.
        reader = runtime.index_store(key).open(state.manifest if state else "")
    except IndexCorrupt as error:
        return IndexCheck(len(rows), 0, len(rows), 0, problem=str(error))
    found = difference(rows, reader.ids())
    return IndexCheck(len(rows), len(reader), len(found.missing), len(found.extra))


def difference(want: Int64Array, have: Int64Array) -> Difference:
    return Difference(
        missing=np.setdiff1d(want, have, assume_unique=True),
        extra=np.setdiff1d(have, want, assume_unique=True),
    )


def clear_garbage(*, model_key: str) -> None:
    """Remove files of generations that nobody reads any more. Does nothing while another process writes."""
    try:
        with writer(model_key=model_key, wait_seconds=0) as (state, _token):
            runtime.index_store(model_key).collect_garbage([state.manifest])
    except (IndexBusy, IndexCorrupt) as error:
        logger.info("Old index files stay until the next cleaning. %s", error)


class _Writer:
    """Writes generations of one model's index while the lease is held.

    ``afresh``: read all files again, so that those which were lost since they were loaded are noticed.
    """

    def __init__(self, key: str, state: IndexState, token: str, *, afresh: bool = False) -> None:
        self.key, self.state, self.token = key, state, token
        self.store: IndexStore = runtime.index_store(key)
        self.reader: IndexReader | None = None
        try:
            if afresh:
                runtime.forget_generation(key)
            self.reader = runtime.open_generation(key, state.manifest)
        except IndexCorrupt as error:
            logger.warning("The index is rebuilt from the database. %s", error)

    def sync_contents(self, contents: list[int], seen: list[int]) -> int:
        if self.reader is None:
            return self.rebuild(seen)
        have = self.reader.ids_owned_by(np.array(contents, np.int64))
        return self._apply(difference(wanted.indexable_ids(self.key, content_ids=contents), have), seen)

    def sync_everything(self) -> int:
        if self.reader is None:
            return self.rebuild()
        return self._apply(difference(wanted.indexable_ids(self.key), self.reader.ids()), [])

    def rebuild(self, seen: Sequence[int] = ()) -> int:
        after = self.state.generation
        rows = self._rows(wanted.indexable_ids(self.key))
        manifest = self.store.commit("", additions=rows, removals=NOTHING, after=after)
        self._flip(manifest, seen)
        return manifest.vectors

    def _apply(self, found: Difference, seen: Sequence[int]) -> int:
        if found:
            rows = self._rows(found.missing)
            try:
                manifest = self.store.commit(self.state.manifest, additions=rows, removals=found.extra)
            except IndexCorrupt as error:  # its files were lost after they were loaded
                logger.warning("The index is rebuilt from the database. %s", error)
                return self.rebuild(seen)
            self._flip(manifest, seen)
        elif seen:
            self._point(self.state.manifest, self.state.generation, self.state.vectors, seen)
        return len(found.missing) + len(found.extra)

    def _rows(self, frame_ids: Int64Array) -> Iterator[IndexRows]:
        dimension = runtime.dimension(self.key)
        for rows in wanted.vector_rows(frame_ids, model_key=self.key, dimension=dimension):
            yield IndexRows(rows.ids, rows.owners, rows.vectors, rows.hashes)

    def _flip(self, manifest: Manifest, seen: Sequence[int]) -> None:
        old = self.state.manifest
        self._point(manifest.name, manifest.generation, manifest.vectors, seen)
        self.reader = runtime.open_generation(self.key, manifest.name)
        # Readers that read the pointer row just before it moved still open the generation it named.
        self._collect_garbage([old, manifest.name])

    def _collect_garbage(self, keep: Sequence[str]) -> None:
        try:
            self.store.collect_garbage(keep)
        except IndexCorrupt as error:  # the old one, when this generation replaces a damaged one
            logger.info("Old index files stay until the next cleaning. %s", error)

    def _point(self, manifest: str, generation: int, vectors: int, seen: Sequence[int]) -> None:
        point_to(
            model_key=self.key,
            token=self.token,
            manifest=manifest,
            generation=generation,
            vectors=vectors,
            seen_changes=seen,
        )
        self.state.manifest, self.state.generation, self.state.vectors = manifest, generation, vectors
