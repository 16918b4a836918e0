"""What a browser sends for an import, kept as an archive until a job has read it."""

from __future__ import annotations

import secrets
import time
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from webapp.models import ImportJob
from webapp.selectors.imports import OPEN_JOBS
from webapp.services.storage import CHUNK, keep, store

FORGOTTEN_SECONDS = 7 * 24 * 3600.0


def uploads_folder() -> Path:
    """Where uploads wait for their import."""
    return Path(settings.DATA_DIR) / "import" / "uploads"


def keep_archive(*, chunks: Iterable[bytes]) -> Path:
    """Store an uploaded archive for :func:`webapp.services.imports.create_import`.

    Raises:
        StorageError: it is too large, empty, or the disk is full.
    """
    target = _new_place()
    store(chunks, max_bytes=settings.SIGHTLINE.max_upload_bytes, keep_as=target)
    return target


def keep_files(*, files: Sequence[UploadedFile[Any]]) -> Path:
    """Pack uploaded files into an archive for :func:`webapp.services.imports.create_import`.

    Nothing is compressed, since pictures and clips are already. Files of the same name get a number.

    Raises:
        StorageFull: the disk is full.
    """
    return keep(lambda part: _pack(files, part), _new_place())


def drop_archive(location: str) -> None:
    """An upload goes when its import is over; archives that somebody put on the server stay."""
    archive = Path(location)
    if archive.is_relative_to(uploads_folder().resolve()):
        archive.unlink(missing_ok=True)


def drop_forgotten_archives() -> None:
    """Uploads of cancelled and failed jobs wait some days for a change of mind, then make room."""
    waiting = ImportJob.objects.filter(status__in=[*OPEN_JOBS, ImportJob.Status.PAUSED])
    kept = set(waiting.values_list("location", flat=True))
    limit = time.time() - FORGOTTEN_SECONDS
    for archive in uploads_folder().resolve().glob("*.zip"):
        if str(archive) not in kept and archive.stat().st_mtime < limit:
            archive.unlink(missing_ok=True)


def _new_place() -> Path:
    return uploads_folder() / f"{secrets.token_hex(16)}.zip"


def _pack(files: Sequence[UploadedFile[Any]], target: Path) -> None:
    taken: set[str] = set()
    with zipfile.ZipFile(target, "x", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for file in files:
            entry = zipfile.ZipInfo(_free_name(file.name or "file", taken))
            with archive.open(entry, "w", force_zip64=True) as stream:
                for chunk in file.chunks(CHUNK):
                    stream.write(chunk)


def _free_name(name: str, taken: set[str]) -> str:
    path = PurePosixPath(name)
    number, free = 2, path.name
    while free in taken:
        free = f"{path.stem} ({number}){path.suffix}"
        number += 1
    taken.add(free)
    return free
