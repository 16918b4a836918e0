"""Taking in many files in one process: several are decoded at once, and each is committed by itself.

A kill at any moment loses nothing: what was committed is skipped the next time, the rest is done then.
Workers may be busy with the same library meanwhile; claims keep two from doing the same content.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from search.types import FrameDescription
from tasks import indexing, ingest, runtime
from webapp.models import Collection, Content, Media
from webapp.services import claims, contents, library, storage
from webapp.services.index import IndexBusy
from webapp.services.manifest import Facts
from webapp.services.media_files import UnusableFile, check_file

if TYPE_CHECKING:
    from search.describe_run import Described

logger = logging.getLogger(__name__)

SYNC_SECONDS = 30.0
FINAL_SYNC_WAIT_SECONDS = 600.0
OTHERS_WAIT_SECONDS = 2 * 3600.0


@dataclass(frozen=True, slots=True)
class Entry:
    """A file to take in. ``path``: its name in the library, as it was given."""

    path: str
    file: Path
    facts: Facts = field(default_factory=Facts)


@dataclass(frozen=True, slots=True)
class Failure:
    path: str
    error: str


@dataclass(slots=True)
class Outcome:
    ingested: int = 0
    skipped: int = 0
    failed: list[Failure] = field(default_factory=list)
    warnings: list[Failure] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Job:
    """A content that is being decoded, by the number of its source."""

    pk: int
    token: str
    frames: ingest.FrameKeeper


class Bulk:
    """One run. ``settled`` is called with a number whenever so many entries are finished.

    ``restore``: entries that are in the trash come back; otherwise they are skipped, and that is said.
    """

    def __init__(
        self,
        *,
        collection: Collection | None,
        max_bytes: int,
        settled: Callable[[int], object],
        restore: bool = False,
    ) -> None:
        self.collection, self.max_bytes, self.settled = collection, max_bytes, settled
        self.restore = restore
        self.outcome = Outcome()
        self.waiting: dict[int, list[str]] = {}
        self.jobs: dict[int, _Job] = {}
        self.held: dict[int, str] = {}
        self.left: list[int] = []
        self.next_sync = time.monotonic() + SYNC_SECONDS

    def run(self, entries: Iterable[Entry]) -> Outcome:
        """Take in all entries and bring the index in step.

        Raises:
            StorageFull: the disk is full. Everything that was finished before is safe.
            SearchError: the model or the decoder cannot be started.
            IndexBusy: another process kept writing the index to the end.
        """
        rows = Content.objects.all()
        try:
            with claims.kept(rows, self.held.items(), lease_seconds=contents.LEASE_SECONDS):
                self._describe(self._wanted(entries))
                self._finish_left()
        finally:
            self._put_back()
            indexing.sync_surely(wait_seconds=FINAL_SYNC_WAIT_SECONDS)
        return self.outcome

    def _describe(self, wanted: Iterator[int]) -> None:
        first = next(wanted, None)
        if first is None:
            return  # a run that only skips loads no model
        describer = runtime.describer()
        sources = self._claimed(chain([first], wanted))
        for described in describer.describe_many(sources, self._keep_frame, workers=cores()):
            self._finish(described)
            self._sync_sometimes()

    def _claimed(self, wanted: Iterable[int]) -> Iterator[Path]:
        for number, pk in enumerate(self._claim(wanted)):
            sha256 = Content.objects.values_list("sha256", flat=True).get(pk=pk)
            self.jobs[number] = _Job(pk, self.held[pk], ingest.FrameKeeper(sha256))
            yield storage.original_path(sha256)

    def _claim(self, wanted: Iterable[int]) -> Iterator[int]:
        for pk in wanted:
            token = contents.claim_content(content_id=pk)
            if token is None:
                self.left.append(pk)
            else:
                self.held[pk] = token
                yield pk

    def _keep_frame(self, number: int, frame: FrameDescription) -> None:
        self.jobs[number].frames.keep(frame)

    def _finish(self, described: Described) -> None:
        job = self.jobs.pop(described.index)
        ingest.settle(job.pk, job.token, lambda: _save(job, described))
        del self.held[job.pk]
        self._settle(job.pk)

    def _sync_sometimes(self) -> None:
        if time.monotonic() < self.next_sync:
            return
        self.next_sync = time.monotonic() + SYNC_SECONDS
        try:
            indexing.sync_surely(wait_seconds=0)
        except IndexBusy:
            logger.info("A worker is updating the index.")

    def _wanted(self, entries: Iterable[Entry]) -> Iterator[int]:
        """Take in the files one by one, and give the contents that have to be described."""
        for entry in entries:
            try:
                content = self._take_in(entry)
            except storage.StorageFull:
                raise
            except (UnusableFile, storage.StorageError, OSError) as error:
                self._fail(entry.path, str(error))
                continue
            if content is not None and self._join(content, entry.path):
                yield content.pk

    def _take_in(self, entry: Entry) -> Content | None:
        """The content of a new entry; ``None`` if it was there and described already, or is in the trash."""
        if entry.facts.error:
            raise UnusableFile(entry.facts.error)
        library.check_path(entry.path)
        check_file(entry.file)
        known = _known(entry)
        stored = known or storage.store_path(entry.file, max_bytes=self.max_bytes)
        taken = library.take_in(
            stored=stored, path=entry.path, facts=entry.facts, collection=self.collection,
            restore=self.restore,
        )  # fmt: skip
        if taken.media is None:
            note = _("In the trash: restore it there, or run with --restore.")
            self.outcome.warnings.append(Failure(entry.path, note))
        elif taken.is_new or taken.content.status != Content.Status.READY:
            return taken.content
        self._skip()
        return None

    def _skip(self) -> None:
        self.outcome.skipped += 1
        self.settled(1)

    def _join(self, content: Content, path: str) -> bool:
        """Let the entry wait for its content. True: somebody has to describe it first."""
        if content.pk in self.waiting:
            self.waiting[content.pk].append(path)
            return False
        if contents.gave_up(content):
            contents.retry_content(content_id=content.pk)
            content.refresh_from_db()
        self.waiting[content.pk] = [path]
        if content.status in {Content.Status.READY, Content.Status.FAILED}:
            self._settle(content.pk)
            return False
        return True

    def _settle(self, pk: int) -> None:
        """Count the entries of a content that is ready or failed now; others are left for later."""
        content = Content.objects.get(pk=pk)
        if content.status not in {Content.Status.READY, Content.Status.FAILED}:
            self.left.append(pk)
            return
        paths = self.waiting.pop(pk)
        if content.status == Content.Status.FAILED:
            for path in paths:
                self._fail(path, content.error)
            return
        self.outcome.ingested += len(paths)
        self.outcome.warnings += [Failure(path, text) for path in paths for text in content.warnings]
        self.settled(len(paths))

    def _fail(self, path: str, error: str) -> None:
        self.outcome.failed.append(Failure(path, error))
        self.settled(1)

    def _finish_left(self) -> None:
        """What other workers had when its turn came, or what has to be tried again."""
        for pk in self.left:
            ingest.describe_now(pk, wait_seconds=OTHERS_WAIT_SECONDS)
            self._settle(pk)

    def _put_back(self) -> None:
        for pk, token in self.held.items():
            contents.put_back(content_id=pk, token=token, reason="", count_attempt=False)
        self.held.clear()


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _save(job: _Job, described: Described) -> bool:
    if described.description is None:
        raise described.error or RuntimeError("neither description nor error")
    return ingest.save(job.pk, job.token, job.frames.sha256, described.description, job.frames)


def _known(entry: Entry) -> storage.StoredFile | None:
    """The stored file, if the library has this path with the bytes that lie there now."""
    live = Media.objects.filter(path=entry.path, trashed_at=None)
    digests = set(live.values_list("content__sha256", flat=True))
    if not digests:
        return None
    sha256 = storage.digest(entry.file)
    if sha256 not in digests or not storage.original_path(sha256).exists():
        return None
    return storage.StoredFile(sha256, entry.file.stat().st_size)
