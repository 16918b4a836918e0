"""The sample library: the same everywhere, and every copy planted in it can be found."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from search.samples import make_samples
from search.samples.catalogue import COLLAGE, EXACT, INSET, PICTURE_COPIES, entries
from tests.media import read_clip
from tests.stack import Stack


def _pixels(path: Path, name: str) -> bytes:
    recipe = dict(entries(path))[name]
    target = path / name
    target.parent.mkdir(parents=True, exist_ok=True)
    recipe(target)
    return target.read_bytes()


@pytest.mark.parametrize("name", ["mountains/noon-valley.jpg", "animals/owl-1.jpg", "posters/jazz.jpg"])
def test_a_drawing_is_the_same_each_time(tmp_path: Path, name: str) -> None:
    first, again = _pixels(tmp_path / "a", name), _pixels(tmp_path / "b", name)
    assert hashlib.sha256(first).digest() == hashlib.sha256(again).digest()


def test_files_that_exist_are_kept_and_progress_counts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = entries(tmp_path)[14:17]
    monkeypatch.setattr("search.samples.catalogue.entries", lambda root: few)
    first = make_samples(tmp_path)
    first[0].write_bytes(b"mine")
    first[1].unlink()
    seen: list[tuple[int, int]] = []
    assert make_samples(tmp_path, lambda done, total: seen.append((done, total))) == first
    assert first[0].read_bytes() == b"mine"
    assert Image.open(first[1]).size == (800, 540)
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert not list(tmp_path.rglob(".*"))


def test_every_name_is_given_once_and_every_copy_has_its_original(tmp_path: Path) -> None:
    names = [name for name, _ in entries(tmp_path)]
    assert len(set(names)) == len(names) > 50
    copies = [(copy, original) for copy, original, *_ in PICTURE_COPIES] + [(INSET[0], INSET[1]), EXACT]
    assert all(names.index(original) < names.index(copy) for copy, original in copies)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    make_samples(folder)
    return folder


@pytest.mark.slow
def test_clips_move_and_are_playable_while_they_load(drawn: Path) -> None:
    for clip in sorted((drawn / "clips").iterdir()):
        frames = read_clip(clip)
        changes = [np.abs(after[1].astype(int) - before[1]).mean() for before, after in pairwise(frames)]
        assert 8 <= frames[-1][0] <= 25
        assert np.median(changes) > 0.5
        data = clip.read_bytes()
        assert 0 < data.find(b"moov") < data.find(b"mdat")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_planted_copy_is_found_and_nothing_else_is_called_a_copy(
    real_worker: Stack, drawn: Path
) -> None:
    report = json.loads(real_worker.manage("ingest", str(drawn), "--json").splitlines()[-1])
    assert (report["ingested"], report["failed"]) == (len(entries(drawn)), [])
    pictures = sorted(path for path in drawn.rglob("*") if path.suffix in {".jpg", ".png", ".webp"})
    output = real_worker.manage("query", *map(str, pictures), "--json")
    found = {_relative(answer["file"], drawn): _copies(answer, drawn) for answer in _lines(output)}

    planted = {copy: {original} for copy, original, *_ in PICTURE_COPIES} | {EXACT[0]: {EXACT[1]}}
    for copy, originals in planted.items():
        assert found[copy] == originals
    assert found[INSET[0]] == set(INSET[1:])
    assert found[COLLAGE[0]] and found[COLLAGE[0]] <= set(COLLAGE[1:])
    related = {
        (copy, name) for copy, names in found.items() if copy.startswith("reposted/") for name in names
    }
    for original, names in found.items():
        if not original.startswith("reposted/"):
            extra = {name for name in names if (name, original) not in related}
            assert extra <= {COLLAGE[0]}, f"{original} has no copy among {extra}"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_planted_segment_is_found(real_worker: Stack, drawn: Path) -> None:
    real_worker.manage("ingest", str(drawn / "clips"))
    names = ("mountains-and-city.mp4", "gallery-half-size.mp4", "sea-mirrored.mp4", "view-from-the-pass.gif")
    clips = [drawn / "reposted" / name for name in names]
    answers = _lines(real_worker.manage("query", *map(str, clips), "--json"))
    mixed, half, mirrored, animation = ([_segment(row) for row in answer["segments"]] for answer in answers)
    assert _near(mixed[0], ("a-day-in-the-mountains.mp4", 0, 7, 6, 13))
    assert _near(mixed[1], ("city-by-the-river.mp4", 7, 13.5, 7, 13.5))
    assert _near(half[0], ("gallery-walk.mp4", 0, 8, 4, 12))
    assert _near(mirrored[0], ("under-the-sea.mp4", 0, 8, 2, 10))
    assert _near(animation[0], ("a-day-in-the-mountains.mp4", 0, 4, 10.5, 14.5))
    assert [answer["segments"][0]["mirrored"] for answer in answers] == [False, False, True, False]


Segment = tuple[str, float, float, float, float]


def _segment(row: dict[str, Any]) -> Segment:
    times = (row["query_start"], row["query_end"], row["reference_start"], row["reference_end"])
    return (Path(row["path"]).name, *times)


def _near(found: Segment, expected: Segment, seconds: float = 1.0) -> bool:
    differences = [abs(a - b) for a, b in zip(found[1:], expected[1:], strict=True)]
    return found[0] == expected[0] and max(differences) <= seconds


def _lines(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def _relative(path: str, root: Path) -> str:
    return str(Path(path).relative_to(root))


def _copies(answer: dict[str, Any], root: Path) -> set[str]:
    names = {_relative(copy["path"], root) for copy in answer["copies"]}
    return names - {_relative(answer["file"], root)}
