"""Searches through their task, with a searcher that answers what the test says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from search.errors import MediaError
from search.matching import searcher
from search.matching.query import QueryDescription
from search.types import (
    Band,
    CopyMatch,
    LandmarkMatch,
    MediaKind,
    Region,
    SearchResult,
    SegmentMatch,
    SimilarMatch,
    Verification,
)
from tasks import queries, runtime
from tasks.queries import run_query
from tests import media
from tests.library import LibraryMaker
from webapp.models import Content, Match, Media, Query
from webapp.selectors import queries as selector
from webapp.services import claims, storage
from webapp.services import library as entries
from webapp.services import queries as service

pytestmark = pytest.mark.django_db
Status = Query.Status
PROOF = Verification(
    inliers=40, matches=55, score=0.9, mirrored=True, homography=(1.0, 0, 0, 0, 1, 0, 0, 0, 1),
    pairs=(((0.123456789, 0.2), (0.3, 0.4)),), agreement=0.8,
)  # fmt: skip


@dataclass
class Answer:
    """What the fake searcher finds, and what it was asked."""

    copies: tuple[CopyMatch, ...] = ()
    similar: tuple[SimilarMatch, ...] = ()
    segments: tuple[SegmentMatch, ...] = ()
    landmarks: tuple[LandmarkMatch, ...] = ()
    best_score: float = 0.5
    asked: list[QueryDescription] = field(default_factory=list)
    during: Callable[[], object] = lambda: None

    def search(self, query: QueryDescription, progress: Callable[[str, int], None]) -> SearchResult:
        self.asked.append(query)
        progress("Comparing pictures", 50)
        self.during()
        return SearchResult(
            copies=self.copies, similar=self.similar, segments=self.segments, landmarks=self.landmarks,
            best_score=self.best_score, generation=7, timings={"candidates": 0.01},
        )  # fmt: skip


class Loaded:
    model_key = "sightline@0"
    background = None


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Answer:
    given = Answer()
    monkeypatch.setattr(searcher, "Searcher", lambda *_: given, raising=False)
    monkeypatch.setattr(runtime, "embedder", Loaded)
    monkeypatch.setattr(runtime, "reader", Loaded)
    return given


def stored(seed: int = 50) -> storage.StoredFile:
    data = media.encoded(media.picture(seed, (40, 30)))
    return storage.store(iter([data]), max_bytes=len(data))


def query_of(entry: Media, **more: object) -> Query:
    """A search by an upload that has the bytes of an entry, so that it is described already."""
    query = service.create_query_from_media(media=entry)
    Query.objects.filter(pk=query.pk).update(source=Query.Source.UPLOAD, **more)
    query.refresh_from_db()
    return query


def run(query: Query) -> Query:
    run_query(str(query.pk))
    query.refresh_from_db()
    return query


def test_a_search_saves_every_section_for_all_live_entries_of_each_content(
    library: LibraryMaker, answer: Answer
) -> None:
    own, copy, again = library.picture(1), library.picture(2), library.picture(2, "again.jpg")
    clip, hidden = library.clip(100), library.picture(3, labels=["bridge"])
    frame = clip.content.frames.get(position=2)
    answer.copies = (
        CopyMatch(own.content_id, Band.EXACT, 1.0),
        CopyMatch(copy.content_id, Band.COPY, 0.9, PROOF),
        CopyMatch(hidden.content_id, Band.COPY, 0.8, PROOF),
    )
    answer.similar = (SimilarMatch(clip.content_id, frame.pk, 0.4, 4.0), SimilarMatch(10**6, 10**6, 0.3))
    answer.segments = (
        SegmentMatch(clip.content_id, 0.95, 0.0, 2.0, 4.0, 6.0, 1.1, True, 0.9),
        SegmentMatch(clip.content_id, 0.7, None, None, 1.0, 2.0),
    )
    answer.landmarks = (
        LandmarkMatch("bridge", 0.8, 33, copy.content_id),
        LandmarkMatch("gone", 0.8, 33, hidden.content_id),
    )
    answer.during = lambda: entries.trash_media(media_ids=[hidden.pk], actor=None)

    query = run(query_of(own))

    assert (query.status, query.progress, query.stage, query.error) == (Status.DONE, 100, "", "")
    assert (query.generation, query.best_score, query.model_key) == (7, 0.5, "sightline@0")
    assert query.finished_at is not None
    assert {"candidates", "describe", "total"} <= set(query.timings)
    copies = selector.matches(query, Match.Section.COPY)
    assert [(match.media, match.band, match.rank) for match in copies] == [
        (own, "exact", 0), (copy, "copy", 1), (again, "copy", 2)
    ]  # fmt: skip
    assert copies[0].evidence is None
    assert (copies[1].inliers, copies[1].mirrored) == (40, True)
    assert copies[1].evidence == {
        "homography": [1.0, 0, 0, 0, 1, 0, 0, 0, 1], "matches": 55, "agreement": 0.8,
        "pairs": [[[0.12346, 0.2], [0.3, 0.4]]],
    }  # fmt: skip
    similar = selector.matches(query, Match.Section.SIMILAR)
    assert [(match.media, match.frame, match.time, match.band) for match in similar] == [
        (clip, frame, 4.0, "similar")
    ]
    [segments] = selector.segments_by_media(query)
    assert segments.media == clip
    first, second = segments.matches
    assert (first.query_start, first.query_end, first.reference_start, first.reference_end) == (0, 2, 4, 6)
    assert (first.speed, first.mirrored, first.coverage) == (1.1, True, 0.9)
    assert (second.query_start, second.reference_start) == (None, 1.0)
    assert query.landmarks == [
        {"label": "bridge", "score": 0.8, "inliers": 33, "content_id": copy.content_id,
         "media_id": copy.pk, "path": copy.path}
    ]  # fmt: skip


def test_what_is_searched_for_is_described_by_what_the_database_holds(
    library: LibraryMaker, answer: Answer
) -> None:
    clip = library.clip(100, frames=3)
    run(query_of(clip))

    [asked] = answer.asked
    assert (asked.kind, asked.content_id, asked.region) == (MediaKind.VIDEO, clip.content_id, None)
    assert asked.sequence.times.tolist() == [0.0, 2.0, 4.0]
    assert [asked.pictures[place] for place in range(len(asked.pictures))] == [
        storage.read_rendition(clip.content.sha256, f"frames/{position}.webp") for position in range(3)
    ]


def test_the_pictures_of_a_clip_are_not_read_until_they_are_looked_at(
    library: LibraryMaker, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.query_input.read_rendition", lambda *_: pytest.fail("it was read"))

    run(query_of(library.clip(100, frames=3)))

    assert len(answer.asked[0].pictures) == 3


def test_results_are_paged_filtered_and_forget_what_went_to_the_trash(
    library: LibraryMaker, answer: Answer
) -> None:
    own = library.picture(1)
    others = [library.picture(seed, collection="Lakes" if seed % 2 else None) for seed in range(2, 8)]
    others.append(library.clip(100))
    answer.similar = tuple(
        SimilarMatch(entry.content_id, entry.content.frames.all()[0].pk, 0.9 - rank / 10)
        for rank, entry in enumerate(others)
    )
    query = run(query_of(own))
    section = Match.Section.SIMILAR

    def shown(**options: object) -> list[Media]:
        return [match.media for match in selector.matches(query, section, **options)]  # type: ignore[arg-type]

    assert shown() == others
    assert shown(offset=2, limit=3) == others[2:5]
    assert shown(kind="video") == others[-1:]
    assert shown(collection=others[1].collection) == [entry for entry in others if entry.collection]
    assert selector.count_matches(query, section) == 7
    entries.trash_media(media_ids=[others[0].pk], actor=None)
    assert shown() == others[1:]
    hidden = Match.objects.get(media=others[0])
    with pytest.raises(Match.DoesNotExist):
        selector.get_match(query, hidden.pk)


def test_more_like_this_does_not_find_itself_but_its_other_entry(
    library: LibraryMaker, answer: Answer
) -> None:
    lone, twin = library.picture(1), library.picture(2)
    library.picture(2, "twin.jpg")
    answer.best_score = 1.0
    for entry, expected in ((lone, 0), (twin, 2)):
        answer.copies = (CopyMatch(entry.content_id, Band.EXACT, 1.0),)
        query = run(service.create_query_from_media(media=entry))
        assert selector.count_matches(query, Match.Section.COPY) == expected
        assert query.best_score == (1.0 if expected else 0.0)


def test_an_upload_is_described_once_and_stays_out_of_the_library(
    answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    described: list[int] = []

    def describe_now(content_id: int) -> Content:
        described.append(content_id)
        Content.objects.filter(pk=content_id).update(status=Content.Status.READY, kind="image")
        return Content.objects.get(pk=content_id)

    monkeypatch.setattr(queries, "describe_now", describe_now)
    monkeypatch.setattr(queries, "query_of_content", lambda content, model_key: content)
    first = service.create_query(
        stored=stored(), name="a.jpg", source=Query.Source.UPLOAD, region=None, user=None
    )
    second = service.create_query(
        stored=stored(), name="b.jpg", source=Query.Source.URL, region=None, user=None
    )
    assert run(first).status == run(second).status == Status.DONE
    assert described == [first.content_id]
    assert not Media.objects.exists()


def test_a_region_is_described_at_once_and_searched_as_a_picture_of_unknown_origin(
    library: LibraryMaker, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = library.picture(1)
    region = Region(0.25, 0.5, 0.5, 0.25)
    asked: list[object] = []

    def query_of_file(path: object, *, region: Region | None = None) -> object:
        asked.append((path, region))
        return "described"

    monkeypatch.setattr(queries, "query_of_file", query_of_file)
    query = service.create_query(
        stored=storage.StoredFile(entry.content.sha256, entry.content.byte_size), name="part.jpg",
        source=Query.Source.UPLOAD, region=region, user=None,
    )  # fmt: skip
    assert run(query).status == Status.DONE
    assert asked == [(storage.original_path(entry.content.sha256), region)]
    assert [str(described) for described in answer.asked] == ["described"]
    again = service.create_region_query(query=query, region=None)
    assert (again.content_id, again.region) == (query.content_id, None)
    assert selector.region_of(query) == region


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (MediaError("The file is damaged."), "The file is damaged."),
        (storage.StorageFull("The disk is full."), "The disk is full."),
        (TimeoutError("Another worker has it."), "Another worker has it."),
        (runtime.IndexUnavailable("The index is being rebuilt."), "The index is being rebuilt."),
    ],
)
def test_a_failure_is_told_in_its_own_words(
    library: LibraryMaker, answer: Answer, problem: Exception, words: str
) -> None:
    def fail() -> None:
        raise problem

    answer.during = fail
    query = run(query_of(library.picture(1)))
    assert (query.status, query.error, query.lease_token) == (Status.FAILED, words, "")
    assert query.finished_at is not None


def test_a_file_that_could_not_be_read_says_why(library: LibraryMaker, answer: Answer) -> None:
    query = run(query_of(library.failed(error="The file ends too early.")))
    assert (query.status, query.error) == (Status.FAILED, "The file ends too early.")


def test_a_defect_is_logged_and_told_in_plain_words(
    library: LibraryMaker, answer: Answer, expected_errors: list[object]
) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    answer.during = fail
    query = run(query_of(library.picture(1)))
    assert query.status == Status.FAILED
    assert "try again" in query.error
    assert len(expected_errors) == 1
    answer.during = lambda: None
    assert run(service.retry_query(query=query)).status == Status.DONE


class Killed(BaseException):
    """Stands for ``kill -9``: nothing in the project catches it."""


def test_a_search_whose_worker_died_is_answered_by_the_next(library: LibraryMaker, answer: Answer) -> None:
    def die() -> None:
        raise Killed

    entry = library.picture(1)
    answer.copies = (CopyMatch(entry.content_id, Band.EXACT, 1.0),)
    answer.during = die
    query = query_of(entry)
    with pytest.raises(Killed):
        run(query)
    answer.during = lambda: None
    assert run(query).status == Status.RUNNING, "its lease still holds"
    Query.objects.filter(pk=query.pk).update(lease_until=timezone.now())
    assert run(query).status == Status.DONE
    assert query.matches.count() == 1


def test_a_search_that_kills_three_workers_is_given_up(library: LibraryMaker, answer: Answer) -> None:
    def die() -> None:
        raise Killed

    answer.during = die
    query = query_of(library.picture(1))
    for _ in range(3):
        with pytest.raises(Killed):
            run(query)
        Query.objects.filter(pk=query.pk).update(lease_until=None)
    assert run(query).status == Status.FAILED
    assert query.error


def test_a_finished_search_is_left_alone_by_a_message_that_comes_twice(
    library: LibraryMaker, answer: Answer
) -> None:
    query = run(query_of(library.picture(1)))
    finished = query.finished_at
    assert run(query).finished_at == finished
    assert len(answer.asked) == 1
    run_query("00000000-0000-0000-0000-000000000000")


def test_a_worker_that_lost_its_lease_writes_nothing(library: LibraryMaker, answer: Answer) -> None:
    entry = library.picture(1)
    query = query_of(entry)
    answer.copies = (CopyMatch(entry.content_id, Band.EXACT, 1.0),)
    answer.during = lambda: Query.objects.filter(pk=query.pk).update(lease_token=claims.new_token())
    run(query)
    assert query.status == Status.RUNNING
    assert query.matches.count() == 0


def test_progress_is_seen_while_the_search_runs(library: LibraryMaker, answer: Answer) -> None:
    query = query_of(library.picture(1))
    seen: list[tuple[str, int]] = []
    answer.during = lambda: seen.append(Query.objects.values_list("stage", "progress").get(pk=query.pk))
    run(query)
    [(stage, progress)] = seen
    assert stage
    assert 0 < progress < 100


def test_a_search_costs_few_statements(library: LibraryMaker, answer: Answer) -> None:
    entry = library.picture(1)
    others = [library.picture(seed, size=(16, 12)) for seed in range(2, 80)]
    answer.similar = tuple(
        SimilarMatch(other.content_id, other.content.frames.all()[0].pk, 0.5) for other in others
    )
    query = query_of(entry)
    with CaptureQueriesContext(connection) as asked:
        assert run(query).status == Status.DONE
    assert query.matches.count() == 78
    assert len(asked) <= 20
