"""``manage.py evaluate segments`` from a folder of clips to a table and a report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from tests import media


def test_a_folder_of_clips_is_measured_and_nothing_is_left_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "clips"
    for number in range(4):
        seeds = [10 * number + scene for scene in range(4)]
        media.clip_file(folder / f"{number}.mp4", seeds, seconds=1.2, size=(240, 136))
    (folder / "notes.txt").write_text("not a clip")
    report = tmp_path / "report.json"
    options = ["--queries", "2", "--edits", "plain", "--seed", "3", "--json", str(report)]
    call_command("evaluate", "segments", str(folder), *options)
    table = capsys.readouterr().out
    assert "2 queries (1 without a copy)" in table
    assert "vpdq-like" in table
    result = json.loads(report.read_text())
    assert result["model_key"] == settings.SIGHTLINE.model
    assert result["data"]["seed"] == 3
    assert len(result["data"]["references"]) == len(result["data"]["filler"]) == 2
    found = result["methods"]["sightline"]["all"]
    assert found["queries_without_copy"] == 1
    # Drawn scenes resemble one another more than real ones do: how many alarms there are is not the point.
    assert 0 <= found["false_alarms"]["value"] <= 1
    assert found["recall"]["value"] > 0.8
    assert set(result["by_edit"]["sightline"]) == {"plain"}
    assert [bool(query["truth"]) for query in result["queries"]] == [False, True]
    assert sorted(path.name for path in folder.iterdir()) == ["0.mp4", "1.mp4", "2.mp4", "3.mp4", "notes.txt"]


def test_what_cannot_be_measured_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no edit called swirl"):
        call_command("evaluate", "segments", str(tmp_path), "--edits", "swirl")
    with pytest.raises(CommandError, match="At least one clip"):
        call_command("evaluate", "segments", str(tmp_path))
