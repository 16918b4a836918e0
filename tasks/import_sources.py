"""Where an import takes its files from: a folder or a zip archive, neither of which is trusted."""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from webapp.models import ImportItem, ImportJob
from webapp.services.imports import ARCHIVES
from webapp.services.media_files import UnusableFile, check_file, folder_label, is_media, visible_files
from webapp.services.storage import read_chunks

MIB = 1024 * 1024
LONGEST_PATH = 1024 - len(" (2)")
# Pictures and clips are compressed already. Drawings as BMP or TIFF reach a hundredfold, so only what is both
# large and shrunk beyond that is taken for an attack on the disk.
BOMB_RATIO = 200
BOMB_BYTES = 256 * MIB


class SourceUnusable(Exception):
    """Nothing can be taken from there. ``str(error)`` is a sentence for a person."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of the source, by its path inside. ``error``: what shows already to be wrong with it."""

    path: str
    error: str = ""


class Source(ABC):
    """Use as a context manager. ``left_out``: how many files were no pictures or clips, after the listing."""

    left_out = 0

    @abstractmethod
    def files(self) -> Iterator[Listed]:
        """Pictures and clips by their names, in the same order each time."""

    @abstractmethod
    def chunks(self, path: str) -> Iterator[bytes]:
        """The bytes of one file. Raises :class:`UnusableFile` or :class:`OSError`."""

    @abstractmethod
    def label(self, path: str) -> str:
        """The name of the folder that holds the file, or an empty text."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        return None


class FolderSource(Source):
    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise SourceUnusable(_("The folder %(place)s is gone from the server.") % {"place": root})
        if root.resolve() != root:
            raise SourceUnusable(
                _("The folder %(place)s has become a link to another place.") % {"place": root}
            )
        self.root = root

    def files(self) -> Iterator[Listed]:
        for path in visible_files(self.root):
            if is_media(path.name):
                yield _listed(path.relative_to(self.root).as_posix())
            else:
                self.left_out += 1

    def chunks(self, path: str) -> Iterator[bytes]:
        place = (self.root / path).resolve()
        if not place.is_relative_to(self.root):
            raise UnusableFile(_("It is a link that leads out of the folder."))
        check_file(place)
        with os.fdopen(os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise UnusableFile(_("This is not a regular file."))
            yield from read_chunks(stream)

    def label(self, path: str) -> str:
        return folder_label(self.root / path)


class ZipSource(Source):
    """Entries are read one at a time into the store and never unpacked to the names they carry.

    ``chosen``: somebody chose every one of them, so all are tried, whatever they are called.
    """

    def __init__(self, archive: Path, *, chosen: bool = False) -> None:
        self.chosen = chosen
        try:
            self._zip = zipfile.ZipFile(archive)
        except FileNotFoundError as error:
            raise SourceUnusable(
                _("The archive is not on the server any more. Please give it again.")
            ) from error
        except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError) as error:
            raise SourceUnusable(_("This is not a zip archive, or it is damaged.")) from error

    def files(self) -> Iterator[Listed]:
        for entry in self._zip.infolist():
            if entry.is_dir() or (_is_hidden(entry.filename) and not self.chosen):
                continue
            if not self.chosen and not is_media(entry.filename):
                self.left_out += 1
                continue
            listed = _listed(entry.filename)
            yield Listed(listed.path, listed.error or _entry_problem(entry))

    def chunks(self, path: str) -> Iterator[bytes]:
        try:
            entry = self._zip.getinfo(path)
            if problem := _entry_problem(entry):
                raise UnusableFile(problem)
            with self._zip.open(entry) as stream:
                while chunk := stream.read(MIB):
                    yield chunk
        except KeyError as error:
            raise UnusableFile(_("The archive does not hold this file any more.")) from error
        except NotImplementedError as error:
            raise UnusableFile(
                _("It is packed by a method that cannot be read. Pack it again as plain zip.")
            ) from error
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            raise UnusableFile(_("This part of the archive is damaged.")) from error

    def label(self, path: str) -> str:
        return PurePosixPath(path).parent.name

    def close(self) -> None:
        self._zip.close()


def open_source(job: ImportJob) -> Source:
    """Raises :class:`SourceUnusable`."""
    place = Path(job.location)
    if job.source in ARCHIVES:
        return ZipSource(place, chosen=job.source == ImportJob.Source.FILES)
    return FolderSource(place)


def library_path(job: ImportJob, item: ImportItem) -> str:
    """What a library entry is called: its place on the server, or the archive's name and the path inside."""
    if job.source == ImportJob.Source.FOLDER:
        return str(Path(job.location) / item.path)
    return f"{job.name}/{item.path}"[-1024:]


def _listed(path: str) -> Listed:
    readable = os.fsencode(path).decode("utf-8", "replace") if _has_surrogates(path) else path
    if readable != path:
        return Listed(readable[-LONGEST_PATH:], _("Its name is not valid text. Rename the file."))
    if len(path) > LONGEST_PATH:
        return Listed(path[-LONGEST_PATH:], _("Its path is too long. Move the file up or rename it."))
    return Listed(path)


def _has_surrogates(path: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in path)


def _is_hidden(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return any(part.startswith(".") and part != ".." for part in parts) or "__MACOSX" in parts


def _entry_problem(entry: zipfile.ZipInfo) -> str:
    name = entry.filename
    if name.startswith("/") or "\\" in name or ":" in name.split("/")[0] or ".." in name.split("/"):
        return _("Its name points out of the archive.")
    if entry.flag_bits & 0x1:
        return _("It is locked with a password. Unlock the archive and give it again.")
    if entry.file_size > max(BOMB_BYTES, BOMB_RATIO * entry.compress_size):
        words = _("It would grow to %(size)s when unpacked, as no picture or clip does.")
        return words % {"size": filesizeformat(entry.file_size)}
    return ""
