"""Limits that both sides of the sandbox speak of. Imports no decoder."""

from __future__ import annotations

import stat
from pathlib import Path

from search.config import MIB, DecodeLimits
from search.errors import DamagedMedia, DecodeAborted, MediaTooLarge


def check_size(path: str, max_bytes: int) -> int:
    """The size of a file in bytes.

    Raises:
        DamagedMedia: it cannot be opened, or is no plain file.
        MediaTooLarge: it has more than ``max_bytes``.
    """
    try:
        facts = Path(path).stat()
    except (OSError, ValueError) as error:
        raise DamagedMedia("The file cannot be opened: it is missing or may not be read.") from error
    if not stat.S_ISREG(facts.st_mode):
        raise DamagedMedia("This is not a plain file.")
    if facts.st_size > max_bytes:
        raise MediaTooLarge(
            f"The file has {facts.st_size / 1e6:,.1f} MB; at most {max_bytes / 1e6:,.1f} MB are allowed."
        )
    return facts.st_size


def out_of_memory(limits: DecodeLimits) -> DecodeAborted:
    """The error for a file that hit the memory limit, in words."""
    return DecodeAborted(f"Decoding needs more memory than the {limits.memory_bytes // MIB} MB allowed.")


def out_of_processor_time(limits: DecodeLimits) -> DecodeAborted:
    """The error for a file that hit the processor-time limit, in words."""
    return DecodeAborted(f"Decoding took more than the {limits.cpu_seconds} s of processor time allowed.")


def out_of_time(limits: DecodeLimits) -> DecodeAborted:
    """The error for a file that hit the wall-time limit, in words."""
    return DecodeAborted(f"Decoding took longer than the {limits.wall_seconds:g} s allowed.")
