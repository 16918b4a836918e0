"""``manage.py query``: the shape of its answer, line by line, and that nothing is left behind."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from search.errors import DamagedMedia
from search.matching.query import QueryDescription
from search.types import (
    Band,
    CopyMatch,
    FrameSequence,
    LandmarkMatch,
    MediaKind,
    SearchResult,
    SegmentMatch,
    SimilarMatch,
    Verification,
)
from tests import media
from tests.library import LibraryMaker
from webapp.management.commands import query as command
from webapp.models import Content, Media, Query
from webapp.services import storage

pytestmark = pytest.mark.django_db
PROOF = Verification(87, 90, 0.9, False, (1.0, 0, 0, 0, 1, 0, 0, 0, 1), ())
NOTHING = SearchResult((), (), (), (), 0.1, 1, {})


class Engine:
    """Describes and searches without a model; ``result`` is what it finds."""

    def __init__(self) -> None:
        self.result = NOTHING
        self.asked: list[QueryDescription] = []

    def describe(self, path: Path, *, content_id: int | None = None) -> QueryDescription:
        if path.read_bytes().startswith(b"text"):
            raise DamagedMedia("This is not a picture.")
        nothing = np.empty(0)
        sequence = FrameSequence(
            nothing.astype(np.int64), nothing, nothing, nothing,
            np.empty((0, 0), np.float32), nothing.astype(np.uint64), nothing.astype(np.float32),
        )  # fmt: skip
        kind = MediaKind.VIDEO if path.suffix == ".mp4" else MediaKind.IMAGE
        return QueryDescription(kind, content_id, sequence, ())

    def search(self, described: QueryDescription, progress: object) -> SearchResult:
        self.asked.append(described)
        return self.result


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    given = Engine()
    monkeypatch.setattr(command, "query_of_file", given.describe)
    monkeypatch.setattr(command, "search", given.search)
    return given


def answers(*arguments: object) -> list[dict[str, Any]]:
    output = io.StringIO()
    call_command("query", *map(str, arguments), "--json", stdout=output)
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_each_file_gives_one_line_with_exactly_the_agreed_fields(
    library: LibraryMaker, engine: Engine, tmp_path: Path
) -> None:
    entry, clip = library.picture(1, "a/päth.jpg"), library.clip(100)
    engine.result = SearchResult(
        copies=(
            CopyMatch(entry.content_id, Band.EXACT, 1.0),
            CopyMatch(entry.content_id, Band.COPY, 0.98765, PROOF),
        ),
        similar=(SimilarMatch(clip.content_id, 1, 0.51234567, 2.0), SimilarMatch(entry.content_id, 2, 0.4)),
        segments=(
            SegmentMatch(clip.content_id, 0.97, 0.0, 8.4, 61.2, 69.6, 1.0, False),
            SegmentMatch(clip.content_id, 0.5, None, None, 1.0, 2.0, 1.0, True),
        ),
        landmarks=(LandmarkMatch("bridge", 0.91, 54, entry.content_id),),
        best_score=1.0,
        generation=3,
        timings={},
    )
    file = media.picture_file(tmp_path / "query.jpg", 5, (40, 30))

    [answer] = answers(file)

    picture = {"path": "a/päth.jpg", "media_id": entry.pk, "kind": "image"}
    assert answer == {
        "file": str(file),
        "kind": "image",
        "error": None,
        "similar": [
            {"path": clip.path, "media_id": clip.pk, "kind": "video", "score": 0.5123, "time": 2.0},
            picture | {"score": 0.4, "time": None},
        ],
        "copies": [
            picture | {"score": 1.0, "relation": "exact", "inliers": 0},
            picture | {"score": 0.9877, "relation": "copy", "inliers": 87},
        ],
        "segments": [
            {"path": clip.path, "media_id": clip.pk, "score": 0.97, "query_start": 0.0, "query_end": 8.4,
             "reference_start": 61.2, "reference_end": 69.6, "speed": 1.0, "mirrored": False},
            {"path": clip.path, "media_id": clip.pk, "score": 0.5, "query_start": None, "query_end": None,
             "reference_start": 1.0, "reference_end": 2.0, "speed": 1.0, "mirrored": True},
        ],
        "landmarks": [{"label": "bridge", "score": 0.91, "inliers": 54, "path": "a/päth.jpg"}],
    }  # fmt: skip


def test_lines_come_in_the_order_of_the_files_and_an_error_stays_with_its_file(
    engine: Engine, tmp_path: Path
) -> None:
    good = media.picture_file(tmp_path / "good.jpg", 1, (40, 30))
    (tmp_path / "bad.jpg").write_text("text")
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"clip")

    found = answers(tmp_path / "bad.jpg", good, tmp_path / "missing.jpg", clip, tmp_path)

    assert [Path(answer["file"]).name for answer in found] == [
        "bad.jpg", "good.jpg", "missing.jpg", "clip.mp4", tmp_path.name
    ]  # fmt: skip
    assert [answer["kind"] for answer in found] == [None, "image", None, "video", None]
    assert found[0] == {
        "file": str(tmp_path / "bad.jpg"), "kind": None, "error": "This is not a picture.",
        "similar": [], "copies": [], "segments": [], "landmarks": [],
    }  # fmt: skip
    assert found[2]["error"] == "There is no such file."
    assert found[4]["error"] == "This is not a regular file."


def test_known_bytes_are_searched_as_their_content_and_unknown_ones_as_none(
    library: LibraryMaker, engine: Engine, tmp_path: Path
) -> None:
    entry = library.picture(1)
    known = tmp_path / "known.jpg"
    known.write_bytes(storage.original_path(entry.content.sha256).read_bytes())
    answers(known, media.picture_file(tmp_path / "new.jpg", 2, (40, 30)))
    assert [described.content_id for described in engine.asked] == [entry.content_id, None]


def test_nothing_is_left_behind(engine: Engine, tmp_path: Path, clean_data_dir: Path) -> None:
    before = sorted(clean_data_dir.rglob("*"))
    answers(media.picture_file(tmp_path / "new.jpg", 2, (40, 30)))
    assert not Content.objects.exists()
    assert not Media.objects.exists()
    assert not Query.objects.exists()
    assert sorted(clean_data_dir.rglob("*")) == before


def test_every_entry_of_a_content_is_listed_up_to_the_limit(
    library: LibraryMaker, engine: Engine, tmp_path: Path
) -> None:
    content_id = library.picture(1, "0.jpg").content_id
    for number in range(1, 5):
        library.picture(1, f"{number}.jpg")
    engine.result = SearchResult((CopyMatch(content_id, Band.EXACT, 1.0),), (), (), (), 1.0, 1, {})
    file = media.picture_file(tmp_path / "new.jpg", 2, (40, 30))
    assert [row["path"] for row in answers(file)[0]["copies"]] == [f"{number}.jpg" for number in range(5)]
    assert len(answers(file, "--top", 2)[0]["copies"]) == 2
    with pytest.raises(CommandError):
        answers(file, "--top", 0)


def test_the_readable_answer_says_what_was_found_or_that_nothing_was(
    library: LibraryMaker, engine: Engine, tmp_path: Path
) -> None:
    entry, clip = library.picture(1, "lake.jpg"), library.clip(100, "film.mp4")
    file = media.picture_file(tmp_path / "new.jpg", 2, (40, 30))

    def said() -> str:
        output = io.StringIO()
        call_command("query", str(file), stdout=output)
        return output.getvalue()

    assert "Nothing matches." in said()
    engine.result = SearchResult(
        (CopyMatch(entry.content_id, Band.COPY, 0.9, PROOF),), (),
        (SegmentMatch(clip.content_id, 0.97, 0.0, 8.4, 61.2, 69.6),), (), 1.0, 1, {},
    )  # fmt: skip
    assert "copy     0.90  lake.jpg" in said()
    assert "0.0-8.4 s is 61.2-69.6 s of film.mp4" in said()
