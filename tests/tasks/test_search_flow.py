"""From files to answers with the real decoder, model, index and matching, on tiny media."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from search.types import Region
from tasks import runtime
from tasks.imports import run_import
from tasks.queries import run_query
from tests import media
from tests.sent_tasks import SentTasks
from webapp.models import Content, ImportJob, Match, Media, Query
from webapp.selectors.queries import matches, segments_by_media
from webapp.services import imports, queries, storage

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_loaded() -> Iterator[None]:
    runtime.close()
    yield
    runtime.close()


@pytest.fixture
def stocked(tmp_path: Path, sent_tasks: SentTasks) -> Path:
    """Pictures, one of them also edited and one twice, and a clip in two sizes; all in the index."""
    root = tmp_path / "library"
    for seed in range(1, 4):
        media.picture_file(root / f"{seed}.jpg", seed)
    media.save(media.lettered(media.picture(1)), root / "lettered.jpg", quality=60)
    (root / "second.jpg").write_bytes((root / "2.jpg").read_bytes())
    media.clip_file(root / "film.mp4", [21, 22, 23, 24], seconds=2.0)
    small = [frame[::2, ::2].copy() for frame in media.scenes([21, 22, 23, 24], 2.0)]
    media.write_clip(root / "small.mp4", small, options={"crf": "28"})
    with sent_tasks.committing():
        job = imports.create_import(source=ImportJob.Source.FOLDER, location=root, trusted=True)
        run_import.delay_on_commit(job.pk)
    sent_tasks.run()
    assert not Content.objects.exclude(status=Content.Status.READY).exists()
    job.refresh_from_db()
    assert job.status == ImportJob.Status.DONE
    return root


def ask(path: Path, region: Region | None = None) -> Query:
    stored = storage.store_path(path, max_bytes=10**8)
    query = queries.create_query(stored=stored, name=path.name, source="upload", region=region, user=None)
    run_query(str(query.pk))
    query.refresh_from_db()
    assert (query.status, query.error) == ("done", "")
    return query


def names(found: list[Match]) -> list[str]:
    return [match.media.name for match in found]


def asked_by_command(*paths: Path) -> list[dict[str, Any]]:
    output = io.StringIO()
    call_command("query", *map(str, paths), "--json", stdout=output)
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_pictures_clips_and_regions_find_what_they_come_from(stocked: Path, tmp_path: Path) -> None:
    edited = media.save(media.recompressed(media.mirrored(media.picture(1)), 40), tmp_path / "edited.jpg")
    query = ask(edited)
    copies = matches(query, Match.Section.COPY)
    assert set(names(copies)) == {"1.jpg", "lettered.jpg"}
    assert all(match.band == "copy" and match.mirrored and (match.inliers or 0) >= 12 for match in copies)
    assert not set(names(matches(query, Match.Section.SIMILAR))) & {"1.jpg", "lettered.jpg"}
    assert not Media.objects.filter(content=query.content).exists()

    exact = ask(stocked / "2.jpg")
    assert set(names(matches(exact, Match.Section.COPY))) == {"2.jpg", "second.jpg"}
    assert {match.band for match in matches(exact, Match.Section.COPY)} == {"exact"}

    collage = media.inset(media.picture(3), media.picture(99, (640, 480)), share=0.5)
    part = ask(media.save(collage, tmp_path / "collage.png"), Region(0.1, 0.15, 0.5, 0.5))
    [copy] = matches(part, Match.Section.COPY)
    assert copy.media.name == "3.jpg"
    points = [pair[0] for pair in (copy.evidence or {})["pairs"]]
    assert points
    assert all(0.1 <= x <= 0.6 and 0.15 <= y <= 0.65 for x, y in points), "fractions of the whole picture"

    excerpt = media.write_clip(tmp_path / "excerpt.mp4", list(media.scenes([21, 22, 23, 24], 2.0, 10))[20:60])
    found = segments_by_media(ask(excerpt))
    assert {entry.media.name for entry in found} == {"film.mp4", "small.mp4"}
    for entry in found:
        best = entry.matches[0]
        assert (best.query_start, best.query_end) == pytest.approx((0, 4), abs=1)
        assert (best.reference_start, best.reference_end) == pytest.approx((2, 6), abs=1)

    stranger = ask(media.picture_file(tmp_path / "stranger.jpg", 500))
    assert matches(stranger, Match.Section.COPY) == []
    assert stranger.best_score is not None

    before = Content.objects.count(), Query.objects.count()
    first, second, bad = asked_by_command(edited, excerpt, tmp_path)
    assert {Path(row["path"]).name for row in first["copies"]} == {"1.jpg", "lettered.jpg"}
    assert first["error"] is None
    assert {Path(row["path"]).name for row in second["segments"]} == {"film.mp4", "small.mp4"}
    assert (bad["kind"], bad["copies"]) == (None, [])
    assert (Content.objects.count(), Query.objects.count()) == before

    output = io.StringIO()
    call_command("duplicates", "--json", stdout=output)
    groups = {
        (group["relation"], Path(group["best"]).name): {Path(row["path"]).name for row in group["members"]}
        for group in json.loads(output.getvalue())["groups"]
    }
    assert groups == {
        ("exact", "2.jpg"): {"2.jpg", "second.jpg"},
        ("near", "1.jpg"): {"1.jpg", "lettered.jpg"},
        ("near", "film.mp4"): {"film.mp4", "small.mp4"},
    }


def test_a_search_in_an_empty_library_ends_with_nothing(tmp_path: Path) -> None:
    query = ask(media.picture_file(tmp_path / "lonely.jpg", 1))
    assert query.matches.count() == 0
    assert query.best_score == 0.0


def test_a_file_that_is_no_picture_fails_with_words(tmp_path: Path) -> None:
    (tmp_path / "fake.jpg").write_bytes(b"this is no picture at all" * 20)
    stored = storage.store_path(tmp_path / "fake.jpg", max_bytes=10**6)
    query = queries.create_query(stored=stored, name="fake.jpg", source="upload", region=None, user=None)
    run_query(str(query.pk))
    query.refresh_from_db()
    assert query.status == Query.Status.FAILED
    assert query.error.endswith(".")
    [answer] = asked_by_command(tmp_path / "fake.jpg")
    assert answer["error"] == query.error
