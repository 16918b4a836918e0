"""Pairs that are copies because a test says so, and reports made of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from search.types import SegmentMatch, Verification
from tasks import runtime
from tasks.duplicates import build_report
from webapp.models import Content, DuplicateReport, Media
from webapp.services import duplicates as service

PROOF = Verification(
    inliers=40, matches=55, score=0.9, mirrored=False, homography=(1.0, 0, 0, 0, 1, 0, 0, 0, 1),
    pairs=(((0.1, 0.2), (0.3, 0.4)),),
)  # fmt: skip


@dataclass
class SaidPairs:
    """Stands for :mod:`search.matching.pairs`: every pair is a candidate; ``copies`` are the true ones."""

    copies: dict[frozenset[int], float] = field(default_factory=dict)
    checked: list[tuple[int, int]] = field(default_factory=list)
    before_check: Callable[[], object] = lambda: None

    def say(self, first: Media, second: Media, score: float = 0.9) -> None:
        self.copies[frozenset((first.content_id, second.content_id))] = score

    def candidate_pairs(self, *_: object) -> Iterator[tuple[int, int]]:
        ids = sorted(Content.objects.values_list("pk", flat=True))
        return ((first, second) for first in ids for second in ids if first < second)

    def check_pair(self, library: object, config: object, background: object, a: int, b: int) -> object:
        self.before_check()
        self.checked.append((a, b))
        score = self.copies.get(frozenset((a, b)))
        segments = (SegmentMatch(b, 0.9, 0.0, 8.0, 0.0, 8.0),) if score == 0.5 else ()
        return SimpleNamespace(
            is_copy=score is not None, score=score or 0.1, inliers=40 if score else 3,
            verification=PROOF if score else None, segments=segments,
        )  # fmt: skip

    @classmethod
    def installed(cls, monkeypatch: pytest.MonkeyPatch, *, model_key: str = "sightline@0") -> SaidPairs:
        given = cls()
        monkeypatch.setitem(sys.modules, "search.matching.pairs", given)
        monkeypatch.setattr(runtime, "reader", lambda: SimpleNamespace(model_key=model_key))
        monkeypatch.setattr(runtime, "embedder", lambda: SimpleNamespace(background=None))
        return given


def built(report: DuplicateReport | None = None) -> DuplicateReport:
    report = report or service.create_report()
    build_report(report.pk)
    report.refresh_from_db()
    return report
