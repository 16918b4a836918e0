"""Finding pictures and clips in folders of the server."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from django.utils.translation import gettext as _

# Inside folders only names like these are taken; a file that is given by itself is always tried.
PICTURES = frozenset(
    {".apng", ".avif", ".avifs", ".bmp", ".dib", ".gif", ".heic", ".heics", ".heif", ".heifs", ".hif"}
    | {".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
)
CLIPS = frozenset(
    {".3g2", ".3gp", ".asf", ".avi", ".divx", ".f4v", ".flv", ".m2ts", ".m2v", ".m4v", ".mkv", ".mov"}
    | {".mp4", ".mpe", ".mpeg", ".mpg", ".mts", ".mxf", ".ogg", ".ogm", ".ogv", ".qt", ".ts", ".vob"}
    | {".webm", ".wmv"}
)


class UnusableFile(Exception):
    """This path is no file that can be read. ``str(error)`` is a sentence for a person."""


def is_media(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in PICTURES | CLIPS


def media_files(folder: Path) -> Iterator[Path]:
    """Pictures and clips under a folder by their names; see :func:`visible_files`."""
    return (path for path in visible_files(folder) if is_media(path.name))


def visible_files(folder: Path) -> Iterator[Path]:
    """All files under a folder, sorted, without hidden ones.

    Links to folders are not followed, so a loop of links cannot trap the walk. Links to files are given
    as they are; :func:`check_file` says whether they can be read.
    """
    for parent, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(parent, name)


def check_file(path: Path) -> None:
    """Refuse what is missing, no regular file, or unreadable, before a read could block on it.

    Raises:
        UnusableFile: with the reason.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        raise UnusableFile(_("There is no such file.")) from error
    except (OSError, ValueError) as error:
        raise UnusableFile(_("The file cannot be opened: %(error)s.") % {"error": error}) from error
    if not stat.S_ISREG(mode):
        raise UnusableFile(_("This is not a regular file."))
    if not os.access(path, os.R_OK):
        raise UnusableFile(_("There is no permission to read this file."))


def folder_label(path: Path) -> str:
    """The name of the folder that holds the file."""
    return path.absolute().parent.name
