"""Files sent from a browser for an import, kept as one archive that a job reads later."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from webapp.services.imports import keep_archive
from webapp.services.storage import CHUNK, read_chunks


def keep_files(*, files: Sequence[UploadedFile[Any]]) -> Path:
    """Pack files into an archive for :func:`webapp.services.imports.create_import`.

    Nothing is compressed, since pictures and clips are already. Files of the same name get a number.

    Raises:
        StorageError: they are too large together, empty, or the disk is full.
    """
    with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as packed:
        _pack(files, packed)
        packed.seek(0)
        return keep_archive(chunks=read_chunks(packed))


def _pack(files: Sequence[UploadedFile[Any]], target: IO[bytes]) -> None:
    taken: set[str] = set()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
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
