"""How the decoding child speaks: a JSON header and raw byte strings, never pickle.

The child decodes hostile files, so what it says is hostile too: the reader bounds every length, checks
every type, and builds value objects only from numbers and byte strings that it checked.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

PREFIX = struct.Struct("!II")
MAX_HEADER = 1 << 20
MAX_BODY = 256 << 20

Fields: TypeAlias = Mapping[str, object]


class WireError(Exception):
    """The other side broke the protocol; nothing it said can be trusted."""


@dataclass(frozen=True, slots=True)
class Message:
    """``name``: what it is. ``fields``: JSON values. ``parts``: byte strings."""

    name: str
    fields: Fields
    parts: tuple[bytes, ...] = ()


def pack(message: Message) -> bytes:
    """The bytes of a message."""
    header = json.dumps(
        {"name": message.name, "fields": dict(message.fields), "parts": [len(part) for part in message.parts]}
    ).encode()
    body = b"".join(message.parts)
    return PREFIX.pack(len(header), len(body)) + header + body


def read_message(read: Callable[[int], bytes]) -> Message:
    """Read one message with ``read(n)``, which returns exactly ``n`` bytes or raises.

    Raises:
        WireError: the lengths are out of bounds or do not agree, or the header is no message.
    """
    header_length, body_length = PREFIX.unpack(read(PREFIX.size))
    if header_length > MAX_HEADER or body_length > MAX_BODY:
        raise WireError("A message is too large.")
    try:
        header = json.loads(read(header_length))
        name, fields, lengths = header["name"], header["fields"], header["parts"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise WireError("A message has no readable header.") from error
    if not isinstance(name, str) or not isinstance(fields, dict) or not isinstance(lengths, list):
        raise WireError("A message header has the wrong shape.")
    return Message(name, fields, _split(read(body_length), lengths))


def _split(body: bytes, lengths: Iterable[object]) -> tuple[bytes, ...]:
    parts, at = [], 0
    for length in lengths:
        if not isinstance(length, int) or length < 0 or at + length > len(body):
            raise WireError("The parts of a message do not fit its body.")
        parts.append(body[at : at + length])
        at += length
    if at != len(body):
        raise WireError("The parts of a message do not fill its body.")
    return tuple(parts)
