"""Which format a file has, judged by its first bytes and never by its name.

A format decides which reader may touch the file and, for clips, which single demuxer: a playlist or
script that names other files or addresses is no media here, whatever it is called.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from search.errors import DamagedMedia, UnsupportedMedia

HEADER_BYTES = 4096

Reader = Literal["picture", "clip"]


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A format the engine reads.

    ``name``: in words. ``reader``: Pillow (``picture``; may still be animated) or FFmpeg (``clip``).
    ``decoder``: the Pillow plugin or FFmpeg demuxer, the only one that is allowed to open the file.
    ``in_browsers``: every current browser shows such a picture.
    """

    name: str
    mime: str
    reader: Reader
    decoder: str
    in_browsers: bool = False


JPEG = FileFormat("JPEG", "image/jpeg", "picture", "JPEG", True)
PNG = FileFormat("PNG", "image/png", "picture", "PNG", True)
GIF = FileFormat("GIF", "image/gif", "picture", "GIF", True)
WEBP = FileFormat("WebP", "image/webp", "picture", "WEBP", True)
BMP = FileFormat("BMP", "image/bmp", "picture", "BMP", True)
AVIF = FileFormat("AVIF", "image/avif", "picture", "AVIF", True)
TIFF = FileFormat("TIFF", "image/tiff", "picture", "TIFF")
HEIC = FileFormat("HEIC", "image/heic", "picture", "HEIF")
MP4 = FileFormat("MP4", "video/mp4", "clip", "mov")
QUICKTIME = FileFormat("QuickTime", "video/quicktime", "clip", "mov")
WEBM = FileFormat("WebM", "video/webm", "clip", "matroska")
MATROSKA = FileFormat("Matroska", "video/x-matroska", "clip", "matroska")
AVI = FileFormat("AVI", "video/x-msvideo", "clip", "avi")
OGG = FileFormat("Ogg", "video/ogg", "clip", "ogg")
MPEG_TS = FileFormat("MPEG-TS", "video/mp2t", "clip", "mpegts")
MPEG_PS = FileFormat("MPEG", "video/mpeg", "clip", "mpeg")
FLASH = FileFormat("Flash video", "video/x-flv", "clip", "flv")
ASF = FileFormat("Windows Media", "video/x-ms-asf", "clip", "asf")

FORMATS = (
    *(JPEG, PNG, GIF, WEBP, BMP, AVIF, TIFF, HEIC),
    *(MP4, QUICKTIME, WEBM, MATROSKA, AVI, OGG, MPEG_TS, MPEG_PS, FLASH, ASF),
)

_MAGIC: tuple[tuple[bytes, FileFormat], ...] = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"BM", BMP),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"II+\x00", TIFF),
    (b"MM\x00+", TIFF),
    (b"OggS", OGG),
    (b"\x00\x00\x01\xba", MPEG_PS),
    (b"FLV\x01", FLASH),
    (bytes.fromhex("3026b2758e66cf11"), ASF),
)
_EBML = b"\x1a\x45\xdf\xa3"
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_QUICKTIME_ATOMS = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
_TS_PACKETS = ((188, 0), (192, 4))


def sniff(header: bytes) -> FileFormat:
    """The format of a file from its first :data:`HEADER_BYTES` bytes (fewer for a shorter file).

    Raises:
        DamagedMedia: the file is empty.
        UnsupportedMedia: the bytes are of no format the engine reads.
    """
    if not header:
        raise DamagedMedia("The file is empty.")
    found = _by_magic(header) or _riff(header) or _iso_media(header) or _ebml(header) or _transport(header)
    if found is None:
        raise UnsupportedMedia("This is not a picture or video of a format that can be read here.")
    return found


def _by_magic(header: bytes) -> FileFormat | None:
    return next((form for magic, form in _MAGIC if header.startswith(magic)), None)


def _riff(header: bytes) -> FileFormat | None:
    if header[:4] != b"RIFF":
        return None
    return {b"WEBP": WEBP, b"AVI ": AVI}.get(header[8:12])


def _iso_media(header: bytes) -> FileFormat | None:
    """MP4, QuickTime, AVIF and HEIC share one box structure and differ by the brands they state."""
    if header[4:8] in _QUICKTIME_ATOMS:
        return QUICKTIME
    if header[4:8] != b"ftyp":
        return None
    size = min(int.from_bytes(header[:4], "big"), len(header))
    major = header[8:12]
    brands = {header[at : at + 4] for at in range(16, size - 3, 4)} | {major}
    if brands & _AVIF_BRANDS:
        return AVIF
    if major in _HEIC_BRANDS:
        return HEIC
    return QUICKTIME if major == b"qt  " else MP4


def _ebml(header: bytes) -> FileFormat | None:
    if header[:4] != _EBML:
        return None
    return WEBM if b"webm" in header[:64] else MATROSKA


def _transport(header: bytes) -> FileFormat | None:
    for size, offset in _TS_PACKETS:
        if len(header) > offset + 2 * size and all(header[offset + k * size] == 0x47 for k in range(3)):
            return MPEG_TS
    return None
