"""The self-test of the decoders: what works, what fails and what could not be tried are told apart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tasks import formats
from tasks.formats import Result, Sample, check, is_known, samples, save


def written(path: Path) -> None:
    path.write_text("sample")


def no_encoder(path: Path) -> None:
    raise ValueError("no such encoder")


def unreadable(path: Path) -> str:
    raise RuntimeError("The decoder is missing.")


def test_a_format_is_ok_failed_or_untested() -> None:
    good, absent = Sample("A", ".a", "image", written), Sample("B", ".b", "image", no_encoder)
    assert check([good, absent], lambda path: "image") == [
        Result("A", "ok"),
        Result("B", "untested", "ValueError: no such encoder"),
    ]
    assert check([good], unreadable) == [Result("A", "failed", "The decoder is missing.")]
    assert check([good], lambda path: "video") == [Result("A", "failed", "It was read as video.")]


def test_the_result_is_kept_until_a_decoder_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "formats.json"
    assert not is_known(path)
    save(path, [Result("JPEG", "ok")])
    assert json.loads(path.read_text())["results"] == [{"name": "JPEG", "state": "ok", "words": ""}]
    assert is_known(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["formats.json"]
    monkeypatch.setattr(formats, "fingerprint", lambda: {"av": "99"})
    assert not is_known(path)
    path.write_text("{torn")
    assert not is_known(path)


@pytest.mark.django_db
def test_every_format_that_can_be_written_here_is_read_by_the_real_helper() -> None:
    results = formats.run()
    assert len(results) == len(samples()) >= 20
    assert [result for result in results if result.state == "failed"] == []
    assert {"JPEG", "PNG", "WebP", "GIF, animated", "HEIC", "AVIF", "MP4, H.264"} <= {
        result.name for result in results if result.state == "ok"
    }
