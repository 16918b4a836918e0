"""Search by picture or clip: candidates from the index, then evidence for each of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from search.config import SearchConfig
from search.embedding.base import Embedder
from search.index.reader import IndexReader
from search.landmarks import Witness, recognise
from search.matching import variants
from search.matching.candidates import Candidate, propose
from search.matching.clip import ClipFindings, ClipSearch, vote
from search.matching.clip_views import ClipViews
from search.matching.inside import InsideSearch
from search.matching.picture import PictureSearch
from search.matching.query import Library, QueryDescription
from search.ranking import Background
from search.types import (
    Band,
    CopyMatch,
    LandmarkMatch,
    MediaKind,
    SearchResult,
    SegmentMatch,
    SimilarMatch,
)

__all__ = ["Library", "Progress", "QueryDescription", "Searcher"]

Progress = Callable[[str, int], None]


@dataclass(slots=True)
class _Clock:
    """Seconds by stage."""

    timings: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.timings[stage] = now - self.started
        self.started = now


@dataclass(frozen=True, slots=True)
class _Findings:
    copies: Sequence[CopyMatch] = ()
    segments: Sequence[SegmentMatch] = ()
    witnesses: Sequence[Witness] = ()


class Searcher:
    """Answers queries from one generation of the index. Not thread-safe, as the embedder is not."""

    def __init__(
        self, config: SearchConfig, embedder: Embedder, reader: IndexReader, library: Library
    ) -> None:
        self._config, self._embedder, self._reader, self._library = config, embedder, reader, library
        self._background = Background(embedder.background)

    def search(self, query: QueryDescription, progress: Progress) -> SearchResult:
        """Find what the query is a copy of, what resembles it, and which seconds it shares with clips.

        ``progress(stage, percent)`` is told what is being done, in words, with a percentage that rises.
        An empty result with ``best_score`` is an answer too: nothing matches.
        """
        clock = _Clock()
        if len(query.sequence) == 0:
            return self._result(query, [], {}, _Findings(self._exact(query)), clock)
        search = self._search_clip if query.kind is MediaKind.VIDEO else self._search_picture
        return search(query, progress, clock)

    def _search_picture(self, query: QueryDescription, progress: Progress, clock: _Clock) -> SearchResult:
        progress("Looking for candidates", 10)
        frame = query.sequence
        tries = variants.of_picture(frame.vectors[0], int(frame.hashes[0]), query.pictures[0], self._embedder)
        clock.lap("variants")
        settings = self._config.match
        candidates = propose(
            self._reader,
            self._background,
            tries.vectors,
            tries.hashes,
            neighbours=max(settings.candidates, settings.similar_limit),
            radius=settings.hash_distance,
        )
        candidates, kinds = self._living(query, candidates)
        clock.lap("candidates")
        progress("Comparing the pictures point by point", 40)
        exact = self._exact(query)
        others = [one for one in candidates if one.content_id != query.content_id]
        found = PictureSearch(self._config, self._background, self._library, query).verify(others, kinds)
        clock.lap("verify")
        if found.nothing and not exact:
            progress("Looking for pictures inside the picture", 70)
            found = found.joined(self._inside(query).find())
            clock.lap("inside")
        copies = [*exact, *found.copies]
        findings = _Findings(copies, found.segments, found.witnesses)
        return self._result(query, candidates, kinds, findings, clock)

    def _inside(self, query: QueryDescription) -> InsideSearch:
        return InsideSearch(
            self._config, self._embedder, self._background, self._reader, self._library, query
        )

    def _search_clip(self, query: QueryDescription, progress: Progress, clock: _Clock) -> SearchResult:
        progress("Looking for candidates", 10)
        votes = vote(self._config, self._reader, self._background, query.sequence)
        candidates, kinds = self._living(query, votes.candidates)
        clock.lap("candidates")
        progress("Comparing the clips second by second", 40)
        others = [one for one in candidates if one.content_id != query.content_id]
        search = ClipSearch(self._config, self._background, self._library, query, votes)
        found = search.verify(others, kinds)
        clock.lap("align")
        if not found.segments and not self._exact(query):
            progress("Looking for turned clips and clips inside the clip", 70)
            again = ClipViews(
                self._config, self._embedder, self._background, self._reader, self._library, query
            ).find()
            found = ClipFindings(again.segments, (*found.copies, *again.copies))
            clock.lap("views")
        findings = _Findings([*self._exact(query), *found.copies], found.segments)
        return self._result(query, candidates, kinds, findings, clock)

    def _living(
        self, query: QueryDescription, candidates: list[Candidate]
    ) -> tuple[list[Candidate], dict[int, MediaKind]]:
        """Candidates the library still has: the index may be a moment behind it."""
        kinds = self._library.kinds([candidate.content_id for candidate in candidates])
        return [candidate for candidate in candidates if candidate.content_id in kinds], kinds

    def _exact(self, query: QueryDescription) -> list[CopyMatch]:
        if query.content_id is None or not self._library.kinds([query.content_id]):
            return []
        return [CopyMatch(query.content_id, Band.EXACT, 1.0)]

    def _result(
        self,
        query: QueryDescription,
        candidates: list[Candidate],
        kinds: dict[int, MediaKind],
        findings: _Findings,
        clock: _Clock,
    ) -> SearchResult:
        shown = {copy.content_id for copy in findings.copies}
        shown |= {segment.content_id for segment in findings.segments}
        shown.add(-1 if query.content_id is None else query.content_id)
        similar = self._similar([one for one in candidates if one.content_id not in shown], kinds)
        landmarks = self._landmarks(findings.witnesses)
        seen = [candidate.score for candidate in candidates if candidate.content_id != query.content_id]
        seen += [copy.score for copy in findings.copies] + [segment.score for segment in findings.segments]
        clock.lap("rank")
        return SearchResult(
            copies=tuple(sorted(findings.copies, key=_copy_order)),
            similar=similar,
            segments=tuple(sorted(findings.segments, key=_segment_order)),
            landmarks=landmarks,
            best_score=max(seen, default=0.0),
            generation=self._reader.generation,
            timings=clock.timings,
        )

    def _similar(self, candidates: list[Candidate], kinds: dict[int, MediaKind]) -> tuple[SimilarMatch, ...]:
        settings = self._config.match
        worthy = [candidate for candidate in candidates if candidate.score > settings.similar_score]
        worthy.sort(key=lambda candidate: (-candidate.score, candidate.content_id))
        worthy = worthy[: settings.similar_limit]
        clips = [one.frame_id for one in worthy if kinds[one.content_id] is MediaKind.VIDEO]
        times = self._library.frame_times(clips) if clips else {}
        return tuple(
            SimilarMatch(one.content_id, one.frame_id, one.score, times.get(one.frame_id)) for one in worthy
        )

    def _landmarks(self, witnesses: Sequence[Witness]) -> tuple[LandmarkMatch, ...]:
        if not witnesses:
            return ()
        labels = self._library.labels([witness.content_id for witness in witnesses])
        return recognise(witnesses, labels)


def _copy_order(match: CopyMatch) -> tuple[bool, float, int]:
    return match.band is not Band.EXACT, -match.score, match.content_id


def _segment_order(match: SegmentMatch) -> tuple[float, int, float]:
    return -match.score, match.content_id, match.reference_start
