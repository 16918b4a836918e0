"""Reads catalogues of translations, as people write them (.po) and as the program loads them (.mo)."""

from __future__ import annotations

import ast
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_LINE = re.compile(r'(?:(msgctxt|msgid_plural|msgid|msgstr(?:\[0\])?) )?(".*")')


@dataclass(frozen=True, slots=True)
class Entry:
    """One message. The languages here have a single plural form, so ``translation`` is one text."""

    context: str
    message: str
    plural: str
    translation: str
    is_fuzzy: bool

    @property
    def key(self) -> str:
        """What the compiled file looks the translation up by."""
        plain = f"{self.context}\x04{self.message}" if self.context else self.message
        return f"{plain}\0{self.plural}" if self.plural else plain


def read_po(path: Path) -> list[Entry]:
    """Every message of a ``.po`` file, the header (the empty message) first."""
    return [_entry(block) for block in path.read_text(encoding="utf-8").strip().split("\n\n")]


def _entry(block: str) -> Entry:
    fields: dict[str, str] = {}
    keyword = ""
    for line in block.splitlines():
        if line.startswith("#") and not line.startswith("#~"):
            continue
        found = _LINE.fullmatch(line)
        assert found, f"This line of the catalogue is not understood: {line}"
        keyword = (found[1] or keyword).removesuffix("[0]")
        fields[keyword] = fields.get(keyword, "") + ast.literal_eval(found[2])
    return Entry(
        context=fields.get("msgctxt", ""),
        message=fields["msgid"],
        plural=fields.get("msgid_plural", ""),
        translation=fields["msgstr"],
        is_fuzzy=bool(re.search(r"^#,.*\bfuzzy\b", block, re.MULTILINE)),
    )


def read_mo(path: Path) -> dict[str, str]:
    """Every pair of a little-endian ``.mo`` file; the layout is in the manual of GNU gettext."""
    data = path.read_bytes()
    magic, _, count, keys, values = struct.unpack_from("<5I", data)
    assert magic == 0x950412DE
    return dict(zip(_texts(data, keys, count), _texts(data, values, count), strict=True))


def _texts(data: bytes, table: int, count: int) -> Iterator[str]:
    for length, start in struct.iter_unpack("<2I", data[table : table + 8 * count]):
        yield data[start : start + length].decode()
