"""Reading a CSV manifest: labels, places, links and descriptions for the files of an import."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.translation import gettext as _

COLUMNS = ("path", "label", "latitude", "longitude", "link", "description")

_check_link: Callable[[str], None] = URLValidator(schemes=["http", "https"])


class ManifestUnreadable(Exception):
    """The manifest as a whole cannot be used. ``str(error)`` is a sentence for a person."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a file. ``error``: why its row cannot be used, else empty."""

    labels: tuple[str, ...] = ()
    latitude: float | None = None
    longitude: float | None = None
    link: str = ""
    description: str = ""
    error: str = ""


def read_manifest(manifest: Path) -> dict[str, Facts]:
    """Facts by path as it is written in the file. Several rows of one path add up their labels.

    A row with a bad value is kept with the reason, so that one slip does not stop a large import.

    Raises:
        ManifestUnreadable: no CSV file in UTF-8, or without a path column, or with unknown columns.
    """
    found: dict[str, Facts] = {}
    for path, facts in _rows(manifest):
        known = found.get(path, Facts())
        labels = tuple(dict.fromkeys([*known.labels, *facts.labels]))
        found[path] = replace(facts, labels=labels, error=known.error or facts.error)
    return found


def _rows(manifest: Path) -> Iterator[tuple[str, Facts]]:
    try:
        with manifest.open(encoding="utf-8-sig", newline="") as stream:
            table = csv.DictReader(stream)
            _check_columns(table.fieldnames or ())
            for row in table:
                values = {name: (row.get(name) or "").strip() for name in COLUMNS}
                if values["path"]:
                    yield values["path"], _facts(values, table.line_num)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = _("The manifest cannot be read as a CSV file in UTF-8: %(error)s.")
        raise ManifestUnreadable(message % {"error": error}) from error


def _check_columns(names: object) -> None:
    given = set(names) if isinstance(names, (list, tuple)) else set()
    unknown = sorted(str(name) for name in given - set(COLUMNS))
    if "path" not in given or unknown:
        message = _("The first line of a manifest names its columns: %(columns)s. Only path is required.")
        if unknown:
            message += " " + _("Unknown: %(unknown)s.") % {"unknown": ", ".join(unknown)}
        raise ManifestUnreadable(message % {"columns": ", ".join(COLUMNS)})


def _facts(values: dict[str, str], line: int) -> Facts:
    labels = (values["label"],) if values["label"] else ()
    try:
        latitude = _number(values["latitude"], 90, _("latitude"))
        longitude = _number(values["longitude"], 180, _("longitude"))
        if (latitude is None) != (longitude is None):
            raise ValueError(_("latitude and longitude belong together"))
        link = _link(values["link"])
    except ValueError as error:
        reason = _("Line %(line)d of the manifest: %(error)s.") % {"line": line, "error": error}
        return Facts(labels=labels, error=reason)
    return Facts(labels, latitude, longitude, link, values["description"])


def _number(text: str, limit: float, name: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not -limit <= value <= limit:
        wrong = {"name": name, "limit": limit, "text": text}
        raise ValueError(_("%(name)s must be a number from -%(limit)d to %(limit)d, not “%(text)s”") % wrong)
    return value


def _link(text: str) -> str:
    if text:
        try:
            _check_link(text)
        except ValidationError as error:
            wrong = _("“%(text)s” is not a web address") % {"text": text}
            raise ValueError(wrong) from error
    return text
