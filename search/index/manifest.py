"""The manifest: one small JSON file that names everything a generation of the index consists of."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from search.errors import IndexCorrupt, IndexMismatch
from search.index.durable import checksum, write_durably

SCHEMA = 1
"""Version of the files' layout. An index of another version is rebuilt from the database, not converted."""

NAME = re.compile(r"[0-9]{8,}-[0-9a-f]{12}")
FILE_NAME = re.compile(r"[0-9a-z][0-9a-z.-]*")


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file's name within its directory, its size in bytes and its SHA-256 (hexadecimal)."""

    name: str
    size: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> FileEntry:
        """The entry of a file that is complete."""
        return cls(path.name, path.stat().st_size, checksum(path))

    def check(self, directory: Path, *, content: bool) -> Path:
        """The file's path, once its size (and its ``content``'s checksum, where asked) is as written.

        Raises:
            IndexCorrupt: the file is missing, torn or changed.
        """
        path = directory / self.name
        if not path.is_file() or path.stat().st_size != self.size:
            raise IndexCorrupt(f"The index file {path.name} in {directory.name} is missing or torn.")
        if content and checksum(path) != self.sha256:
            raise IndexCorrupt(f"The index file {path.name} in {directory.name} has changed.")
        return path


@dataclass(frozen=True, slots=True)
class SegmentEntry:
    """One segment as this generation sees it.

    ``rows``: rows written. ``factory``: FAISS factory string. ``removed``: how many of the rows no longer
    count; their positions are in ``removed_file`` (``None`` when there are none).
    """

    name: str
    rows: int
    factory: str
    files: tuple[FileEntry, ...]
    removed: int = 0
    removed_file: FileEntry | None = None

    @property
    def live(self) -> int:
        """Rows that can be found."""
        return self.rows - self.removed

    def file(self, name: str) -> FileEntry:
        """The entry of one of the segment's files. Raises :class:`IndexCorrupt` when it is not listed."""
        for entry in self.files:
            if entry.name == name:
                return entry
        raise IndexCorrupt(f"The manifest lists no {name} for segment {self.name}.")


@dataclass(frozen=True, slots=True)
class Manifest:
    """One generation: immutable segments and which of their rows were removed. ``name`` is its file's stem
    and empty for the index that holds nothing yet."""

    name: str
    generation: int
    model_key: str
    dimension: int
    segments: tuple[SegmentEntry, ...] = ()

    @property
    def vectors(self) -> int:
        """Rows that can be found."""
        return sum(segment.live for segment in self.segments)

    def following(self, segments: tuple[SegmentEntry, ...], *, after: int = 0) -> Manifest:
        """The next generation, under a name no other attempt at it can have."""
        generation = max(self.generation, after) + 1
        name = f"{generation:08d}-{secrets.token_hex(6)}"
        return replace(self, name=name, generation=generation, segments=segments)


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Write ``manifest`` durably to ``directory/<name>.json``."""
    body = _body(manifest)
    document = {**body, "checksum": _checksum(body)}
    write_durably(manifest_path(directory, manifest.name), json.dumps(document, indent=1).encode())


def read_manifest(directory: Path, name: str) -> Manifest:
    """Read the manifest ``name``.

    Raises:
        IndexCorrupt: it is missing, torn, altered or of another schema version.
    """
    try:
        document = json.loads(manifest_path(directory, name).read_bytes())
        stated = document.pop("checksum")
        if document["schema"] != SCHEMA:
            raise IndexCorrupt("The index was written by another version of the program.")
        if stated != _checksum(document):
            raise IndexCorrupt(f"The index manifest {name} has changed.")
        return _parsed(document)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise IndexCorrupt(f"The index manifest {name} is missing or torn.") from error


def manifest_path(directory: Path, name: str) -> Path:
    """Where the manifest ``name`` lies. Raises :class:`IndexCorrupt` for what cannot be a manifest's name."""
    if not NAME.fullmatch(name):
        raise IndexCorrupt(f"{name!r} is not the name of an index manifest.")
    return directory / f"{name}.json"


def require_model(manifest: Manifest, *, model_key: str, dimension: int) -> None:
    """Refuse an index made by another model. Raises :class:`IndexMismatch`."""
    if (manifest.model_key, manifest.dimension) != (model_key, dimension):
        raise IndexMismatch(
            f"The index holds vectors of {manifest.model_key} ({manifest.dimension} values), "
            f"not of {model_key} ({dimension} values)."
        )


def _body(manifest: Manifest) -> dict[str, Any]:
    return {"schema": SCHEMA, **asdict(manifest)}


def _checksum(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _parsed(document: dict[str, Any]) -> Manifest:
    fields = {key: value for key, value in document.items() if key not in {"schema", "segments"}}
    return Manifest(**fields, segments=tuple(_segment(entry) for entry in document["segments"]))


def _segment(entry: dict[str, Any]) -> SegmentEntry:
    files = tuple(_file(item) for item in entry.pop("files"))
    removed_file = entry.pop("removed_file")
    return SegmentEntry(**entry, files=files, removed_file=_file(removed_file) if removed_file else None)


def _file(item: dict[str, Any]) -> FileEntry:
    entry = FileEntry(**item)
    if not FILE_NAME.fullmatch(entry.name):
        raise ValueError(f"{entry.name!r} is not the name of an index file.")
    return entry
