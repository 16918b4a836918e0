"""The content-addressed store."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from webapp.services import storage


def leftovers() -> list[Path]:
    return list((settings.DATA_DIR / "incoming").iterdir())


def test_a_stored_file_lies_under_its_digest_and_leaves_nothing_behind() -> None:
    stored = storage.store([b"one ", b"two"], max_bytes=100)

    assert stored == storage.StoredFile(hashlib.sha256(b"one two").hexdigest(), 7)
    path = storage.original_path(stored.sha256)
    assert path.read_bytes() == b"one two"
    assert path.parts[-4:] == ("originals", stored.sha256[:2], stored.sha256[2:4], stored.sha256)
    assert leftovers() == []


def test_the_same_bytes_are_kept_once_and_a_damaged_original_is_healed() -> None:
    first = storage.store([b"same"], max_bytes=100)
    storage.original_path(first.sha256).write_bytes(b"torn")

    assert storage.store([b"sa", b"me"], max_bytes=100) == first
    assert storage.original_path(first.sha256).read_bytes() == b"same"


def test_too_many_bytes_are_refused_before_the_rest_is_read() -> None:
    taken = []

    def chunks() -> Iterator[bytes]:
        for number in range(100):
            taken.append(number)
            yield b"x" * 1024

    with pytest.raises(storage.UploadTooLarge, match="larger than"):
        storage.store(chunks(), max_bytes=2048)
    assert taken == [0, 1, 2]
    assert leftovers() == []
    assert not (settings.DATA_DIR / "originals").exists()


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(storage.UploadEmpty):
        storage.store([], max_bytes=10)


def test_a_full_disk_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)

    with pytest.raises(storage.StorageFull, match="disk is full"):
        storage.store([b"data"], max_bytes=10)
    assert leftovers() == []


def test_an_upload_that_breaks_off_leaves_nothing() -> None:
    def broken() -> Iterator[bytes]:
        yield b"some"
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        storage.store(broken(), max_bytes=10)
    assert leftovers() == []


def test_an_archive_can_be_kept_elsewhere(tmp_path: Path) -> None:
    storage.store([b"zip"], max_bytes=10, keep_as=tmp_path / "new" / "a.zip")

    assert (tmp_path / "new" / "a.zip").read_bytes() == b"zip"
    assert not (settings.DATA_DIR / "originals").exists()


def test_renditions_are_replaced_whole_and_go_with_the_original() -> None:
    sha256 = storage.store([b"picture"], max_bytes=10).sha256
    storage.write_rendition(sha256, storage.THUMBNAIL, b"old")
    storage.write_rendition(sha256, storage.THUMBNAIL, b"new")
    storage.write_rendition(sha256, storage.frame_picture_name(3), b"frame")

    assert storage.read_rendition(sha256, "thumb.webp") == b"new"
    assert storage.rendition_path(sha256, "frames/3.webp").read_bytes() == b"frame"
    assert storage.read_rendition(sha256, "view.webp") is None

    os.utime(storage.original_path(sha256), (1, 1))
    storage.remove_files(sha256)
    assert not storage.original_path(sha256).exists()
    assert storage.read_rendition(sha256, "thumb.webp") is None


@pytest.mark.parametrize("name", ["../../etc/passwd", "A" * 64, "abc", "g" * 64])
def test_only_a_digest_names_a_place_in_the_store(name: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        storage.original_path(name)
