"""``manage.py evaluate copies`` over a real folder and a real zip, with the shipped network."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from search.evaluation.copies import CopiesPlan, divide
from search.evaluation.pictures import Picture
from tests import media


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed in range(4):
        media.picture_file(tmp_path / "originals" / f"{seed}.jpg", seed, (96, 72))
    (tmp_path / "originals" / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    (tmp_path / "originals" / "notes.txt").write_text("not a picture")
    return tmp_path / "originals"


@pytest.fixture
def crowd(tmp_path: Path) -> Path:
    with zipfile.ZipFile(tmp_path / "crowd.zip", "w") as archive:
        for seed in range(100, 116):
            archive.writestr(f"some/{seed}.jpg", media.encoded(media.picture(seed, (96, 72))))
    return tmp_path / "crowd.zip"


def evaluate(*arguments: str) -> str:
    said = io.StringIO()
    call_command("evaluate", "copies", *arguments, stdout=said, stderr=io.StringIO())
    return said.getvalue()


def report(*arguments: str) -> Any:
    return json.loads(evaluate(*arguments, "--json", "-"))


def test_a_report_counts_what_was_measured_and_has_every_method(folder: Path, crowd: Path) -> None:
    found = report(
        str(folder), "--distractors", str(crowd), "--edits", "jpeg,mirror", "--seed", "5", "--whole-search",
        "--baselines", "phash,random",
    )  # fmt: skip
    assert found["data"] == {
        "references": 17,
        "distractors": 13,
        "originals": 4,
        "queries": 14,
        "queries_without_original": 6,
    }
    assert len(found["skipped"]) == 1
    assert "broken.jpg" in found["skipped"][0]
    assert found["edits"] == {"mirror": 1, "jpeg": 10}
    assert found["seed"] == 5
    assert found["machine"]["cores"] >= 1
    methods = {method["name"]: method for method in found["methods"]}
    assert list(methods) == ["sightline@0", "sightline@0, whole search", "phash", "random"]
    by_edit = {row["edit"]: row for row in methods["phash"]["by_edit"]}
    assert by_edit["jpeg"]["queries"] == 4
    assert by_edit["jpeg"]["recall_at_1"]["value"] == 1
    assert by_edit["mirror"]["recall_at_1"]["value"] == 0
    assert methods["sightline@0, whole search"]["micro_ap"]["value"] == 1
    for method in methods.values():
        figure = method["micro_ap"]
        assert 0 <= figure["low"] <= figure["value"] <= figure["high"] <= 1


def test_the_same_seed_gives_the_same_figures(folder: Path, tmp_path: Path) -> None:
    def figures(seed: str) -> Any:
        found = report(str(folder), "--edits", "chain", "--seed", seed, "--strength", "strong",
                       "--baselines", "phash", "--limit", "2")  # fmt: skip
        timed = {"references_per_second", "queries_per_second"}
        return [{key: value for key, value in one.items() if key not in timed} for one in found["methods"]]

    assert figures("1") == figures("1")


def test_people_get_a_table_and_programs_a_file(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    text = evaluate(str(folder), "--edits", "crop", "--baselines", "phash", "--json", str(target))
    assert "crop 0.5" in text
    assert "sightline@0" in text
    assert "1 files could not be read" in text
    assert json.loads(target.read_text())["subject"] == "copies"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--edits", "folding"], "folding"),
        (["--baselines", "guess"], "guess"),
        (["--models", "nothing@1"], "nothing@1"),
        (["--distractors", "/nowhere"], "/nowhere"),
    ],
)
def test_a_wrong_name_is_said_in_words(folder: Path, arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        evaluate(str(folder), *arguments)


def test_a_folder_without_pictures_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="two pictures"):
        evaluate(str(tmp_path), "--baselines", "")


def test_pdq_is_measured_where_its_package_is_installed(folder: Path) -> None:
    pytest.importorskip("pdqhash")
    found = report(str(folder), "--edits", "jpeg", "--baselines", "pdq")
    assert found["methods"][1]["name"] == "pdq"
    assert found["methods"][1]["recall_at_1"]["value"] == 1


@pytest.mark.parametrize(("folder_size", "crowd_size"), [(2, 0), (3, 0), (10, 3), (10, 100), (100, 20)])
def test_no_picture_plays_two_parts(folder_size: int, crowd_size: int) -> None:
    folder = [Picture(f"a{number}") for number in range(folder_size)]
    crowd = [Picture(f"b{number}") for number in range(crowd_size)]
    parts = divide(folder, crowd, CopiesPlan(("jpeg",), limit=8))
    everything = [*parts.originals, *parts.others, *parts.distractors, *parts.strangers]
    assert len(everything) == len(set(everything)) == folder_size + crowd_size
    assert parts.originals
    assert len(parts.strangers) == (len(parts.originals) + 1) // 2
