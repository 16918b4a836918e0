"""Duplicate reports: exact ones by content, near ones by pairs that were verified first and grouped then."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from search.errors import SearchError
from search.types import SegmentMatch
from tasks import runtime
from tasks.celery import app
from tasks.library import DatabaseLibrary
from webapp.models import DuplicateGroup, DuplicateReport
from webapp.selectors.dismissals import dismissed_contents
from webapp.selectors.duplicates import (
    checked_pairs,
    copied_pairs,
    get_report,
    reported_media,
)
from webapp.services import claims
from webapp.services import duplicates as service
from webapp.services.queries import evidence

if TYPE_CHECKING:
    from search.index.reader import IndexReader
    from search.matching.pairs import PairVerdict

logger = logging.getLogger(__name__)

LEASE_SECONDS = 120.0
PAIRS_AT_ONCE = 16
# Verdicts are kept under the model's key and this number: raise it when the rules of matching change.
RULES_VERSION = 1
Status = DuplicateReport.Status


class Stopped(Exception):
    """Somebody cancelled the report, or another worker took it over."""


@app.task
def build_report(report_id: int) -> None:
    """Build a report from where it was left; pairs that were checked before are not checked again."""
    rows = DuplicateReport.objects.filter(status__in=[Status.PENDING, Status.RUNNING])
    token = claims.claim(rows, report_id, lease_seconds=LEASE_SECONDS, status=Status.RUNNING)
    if token is None:
        return
    held = [(report_id, token)]
    with claims.kept(DuplicateReport.objects.all(), held, lease_seconds=LEASE_SECONDS):
        _build(report_id, token)


def _build(report_id: int, token: str) -> None:
    try:
        found = _Builder(get_report(report_id), token).groups()
        service.save_groups(report_id=report_id, token=token, found=found)
    except Stopped:
        service.close_report(report_id=report_id, token=token, status=Status.CANCELLED)
    except (SearchError, runtime.IndexUnavailable) as error:
        service.close_report(report_id=report_id, token=token, status=Status.FAILED, error=str(error))
    except Exception:
        logger.exception("The duplicate report %d failed.", report_id)
        words = _("Something went wrong on the server; the log says more. Ask for a new report to go on.")
        service.close_report(report_id=report_id, token=token, status=Status.FAILED, error=words)


class _Builder:
    def __init__(self, report: DuplicateReport, token: str) -> None:
        self.report, self.token = report, token
        self.media = reported_media(collection=report.collection)

    def groups(self) -> list[service.FoundGroup]:
        self._progress(_("Looking for files with the same bytes"), 1)
        exact = [
            service.FoundGroup(DuplicateGroup.Relation.EXACT, tuple((media_id, 1.0) for media_id in entries))
            for entries in self.media.values()
            if len(entries) > 1
        ]
        return exact + self._near()

    def _near(self) -> list[service.FoundGroup]:
        from search.clustering import group

        if len(self.media) < 2:
            return []
        reader = runtime.reader()
        key = f"{reader.model_key}/{RULES_VERSION}"
        self._check_pairs(reader, key)
        self._progress(_("Putting groups together"), 98)
        apart = dismissed_contents()
        pairs = [
            pair
            for pair in copied_pairs(model_key=key)
            if pair[0] in self.media and pair[1] in self.media and pair[:2] not in apart
        ]
        return [self._group(contents, pairs) for contents in group(pairs, apart=apart)]

    def _check_pairs(self, reader: IndexReader, key: str) -> None:
        self._progress(_("Looking for pairs that resemble each other"), 3)
        waiting = self._waiting_pairs(reader, key)
        rest, done = iter(waiting), 0
        while some := list(islice(rest, PAIRS_AT_ONCE)):
            service.save_pairs(model_key=key, pairs=self._verdicts(reader, some))
            done += len(some)
            words = _("Comparing pairs: %(done)d of %(all)d") % {"done": done, "all": len(waiting)}
            self._progress(words, 5 + 90 * done // len(waiting), has_results=True)

    def _waiting_pairs(self, reader: IndexReader, key: str) -> list[tuple[int, int]]:
        from search.matching.pairs import candidate_pairs

        known = checked_pairs(model_key=key)
        found = {
            (int(first), int(second))
            for first, second in candidate_pairs(reader, runtime.config())
            if first in self.media and second in self.media
        }
        return sorted(found - known - dismissed_contents())

    def _verdicts(
        self, reader: IndexReader, pairs: Sequence[tuple[int, int]]
    ) -> Iterator[service.CheckedPair]:
        from search.matching.pairs import check_pair

        # One library a batch: an entry that went to the trash meanwhile is not seen any more.
        library = DatabaseLibrary(reader.model_key)
        library.kinds([pk for pair in pairs for pk in pair])
        config, background = runtime.config(), runtime.embedder().background
        for first, second in pairs:
            # Without both there is no verdict, and none must be remembered: they may come back.
            if len(library.sequence(first)) and len(library.sequence(second)):
                verdict = check_pair(library, config, background, first, second)
                yield _checked(first, second, verdict)

    def _group(self, contents: Sequence[int], pairs: Sequence[tuple[int, int, float]]) -> service.FoundGroup:
        inside, best = set(contents), dict.fromkeys(contents, 0.0)
        for first, second, score in pairs:
            if first in inside and second in inside:
                best[first], best[second] = max(best[first], score), max(best[second], score)
        members: list[tuple[int, float]] = []
        for content_id in contents:
            members.extend((media_id, best[content_id]) for media_id in self.media[content_id])
        return service.FoundGroup(DuplicateGroup.Relation.NEAR, tuple(members))

    def _progress(self, stage: str, percent: int, *, has_results: bool = False) -> None:
        if not service.report_progress(
            report_id=self.report.pk, token=self.token, stage=stage, percent=percent, has_results=has_results
        ):
            raise Stopped


def _checked(first: int, second: int, verdict: PairVerdict) -> service.CheckedPair:
    found: dict[str, object] = evidence(verdict.verification) if verdict.verification else {}
    if verdict.segments:
        found["segments"] = [_segment(segment) for segment in verdict.segments]
    return service.CheckedPair(
        first=first,
        second=second,
        is_copy=verdict.is_copy,
        score=verdict.score,
        inliers=verdict.inliers,
        # Most candidates are no copies; nobody looks at the evidence of those.
        evidence=found if verdict.is_copy and found else None,
    )


def _segment(segment: SegmentMatch) -> dict[str, float | bool | None]:
    return {
        "query_start": segment.query_start, "query_end": segment.query_end, "score": segment.score,
        "reference_start": segment.reference_start, "reference_end": segment.reference_end,
        "speed": segment.speed, "mirrored": segment.mirrored,
    }  # fmt: skip
