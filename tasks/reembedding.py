"""Moving a library from one model to another while it serves.

The vectors of the new model are written beside the old ones, from the stored originals, so that they equal
those of a fresh ingest. Searches use the old model until everything is there; then one transaction switches.
A run that was killed goes on where it was.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from search.types import Float16Array, FrameDescription
from tasks import indexing, runtime
from tasks.bulk import Failure, cores
from tasks.frame_times import nearest
from webapp.models import Content, Frame
from webapp.selectors.index import active_model_key, contents_without_vectors
from webapp.selectors.portions import portions
from webapp.services import index as pointer
from webapp.services.contents import add_embeddings
from webapp.services.storage import original_path

if TYPE_CHECKING:
    from search.describe_run import Described
    from search.pipeline import Describer

logger = logging.getLogger(__name__)

WAIT_SECONDS = 600.0
AT_ONCE = 1000

Decoded = list[tuple[float, Float16Array]]


class Reembedding:
    """One run. ``found`` is called with the number of contents to do, ``settled`` with how many are done."""

    def __init__(
        self,
        key: str,
        *,
        skip_failed: bool,
        found: Callable[[int], object],
        settled: Callable[[int], object],
    ) -> None:
        self.key, self.skip_failed, self.found, self.settled = key, skip_failed, found, settled
        self.done = 0
        self.failed: dict[int, str] = {}

    def run(self) -> bool:
        """Embed everything, bring the new model's index in step and make the model the active one.

        False: some files could not be embedded, and ``skip_failed`` was not asked for. Nothing changed.

        While it switches, nobody may sync the old model's index, so that the new one's sees every change.

        Raises:
            SearchError: the model or the decoder cannot be started.
            IndexBusy: another process kept writing one of the indexes.
        """
        old = active_model_key()
        switched = False
        while not switched:
            self._embed_left()
            if self.failed and not self.skip_failed:
                return False
            indexing.repair_index(wait_seconds=WAIT_SECONDS, model_key=self.key)
            with self._alone(old):
                indexing.repair_index(wait_seconds=WAIT_SECONDS, model_key=self.key)
                switched = pointer.switch_model(model_key=self.key, without=self.failed)
        indexing.sync_surely(wait_seconds=WAIT_SECONDS)
        return True

    def _alone(self, old: str) -> AbstractContextManager[object]:
        if old == self.key:
            return nullcontext()
        return pointer.writer(model_key=old, wait_seconds=WAIT_SECONDS)

    def failures(self) -> list[Failure]:
        """Library paths (or digests, of contents without entries) with the reason."""
        return [
            Failure(path, self.failed[content.pk])
            for some in portions(self.failed)
            for content in Content.objects.filter(pk__in=some).prefetch_related("media")
            for path in [media.path for media in content.media.all()] or [content.sha256]
        ]

    def _embed_left(self) -> None:
        """Embed every content that lacks vectors of the new model, until there is none left."""
        left = self._left()
        if left:
            with runtime.describer_of(self.key) as describer:
                while left:
                    self.found(len(left))
                    for start in range(0, len(left), AT_ONCE):
                        self._embed(describer, left[start : start + AT_ONCE])
                    left = self._left()

    def _left(self) -> list[int]:
        return [pk for pk in contents_without_vectors(self.key) if pk not in self.failed]

    def _embed(self, describer: Describer, pks: Sequence[int]) -> None:
        digests = dict(Content.objects.filter(pk__in=pks).values_list("pk", "sha256"))
        there = [pk for pk in pks if pk in digests]
        decoded: dict[int, Decoded] = defaultdict(list)

        def keep(number: int, frame: FrameDescription) -> None:
            decoded[number].append((frame.time, frame.vector))

        sources = (original_path(digests[pk]) for pk in there)
        for described in describer.describe_many(sources, keep, workers=cores()):
            self._save(there[described.index], described, decoded.pop(described.index, []))
            self.settled(1)

    def _save(self, pk: int, described: Described, decoded: Decoded) -> None:
        vectors = matched(list(Frame.objects.filter(content_id=pk).order_by("position")), decoded)
        if described.error is not None:
            self.failed[pk] = str(described.error)
        elif vectors is None:
            self.failed[pk] = _("Other frames than before were found in the file.")
        else:
            add_embeddings(model_key=self.key, vectors=vectors)
            self.done += 1


def matched(frames: Sequence[Frame], decoded: Decoded) -> list[tuple[int, Float16Array]] | None:
    """The vector of each stored frame: that of the decoded frame at its time; ``None`` if one has none.

    ``decoded`` is in the order of time.
    """
    times = [time for time, _ in decoded]
    pairs = []
    for frame in frames:
        place = nearest(times, frame.time)
        if place is None:
            return None
        pairs.append((frame.pk, decoded[place][1]))
    return pairs
