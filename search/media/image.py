"""Opening and loading still pictures with Pillow."""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Iterator
from datetime import datetime

import pillow_heif
from PIL import ExifTags, Image, ImageFile

from search.errors import DamagedMedia, MediaTooLarge
from search.media.colour import to_displayed_rgb
from search.media.pixels import Needs, crop
from search.media.pixels import decode_webp as decode_webp
from search.media.sniff import AVIF, GIF, PNG, WEBP, FileFormat
from search.types import Region

pillow_heif.register_heif_opener()

# What Pillow's plugins raise on broken data, besides OSError (UnidentifiedImageError is one).
BROKEN = (
    *(OSError, SyntaxError, ValueError, EOFError, RuntimeError),
    *(struct.error, KeyError, IndexError, TypeError, AttributeError),
)

PARTLY_READ = "The file is damaged or cut off: only part of the picture could be read."

_ANIMATED = {GIF, PNG, WEBP, AVIF}
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TURNED = {5, 6, 7, 8}
_EXIF_DATE = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)")
_EXIF_ZONE = re.compile(r"[+-]\d\d:\d\d")


def open_picture(path: str, form: FileFormat, max_pixels: int) -> Image.Image:
    """Read the header of a picture; only the plugin of its sniffed format may look at it.

    Raises:
        DamagedMedia: the header is broken.
        MediaTooLarge: the picture has more than ``max_pixels`` pixels.
    """
    try:
        picture = Image.open(path, formats=[form.decoder])
    except Image.DecompressionBombError as error:
        raise too_many_pixels(max_pixels) from error
    except BROKEN as error:
        raise DamagedMedia(f"The file looks like {form.name}, but its header is damaged.") from error
    if picture.width * picture.height > max_pixels:
        raise too_many_pixels(max_pixels, picture.width, picture.height)
    return picture


def too_many_pixels(limit: int, width: int = 0, height: int = 0) -> MediaTooLarge:
    """The error for a picture or video frame over the limit, in words."""
    size = f" of {width} x {height} pixels" if width else ""
    return MediaTooLarge(f"The picture{size} is larger than the {limit / 1e6:.4g} megapixels allowed.")


def count_frames(picture: Image.Image, form: FileFormat) -> int:
    """How many frames are shown one after another; 1 for formats whose pages are no animation."""
    if form not in _ANIMATED:
        return 1
    try:
        return int(getattr(picture, "n_frames", 1))
    except BROKEN:
        return 1


def displayed_size(picture: Image.Image) -> tuple[int, int]:
    """Width and height after the EXIF orientation."""
    turned = _orientation(picture) in _TURNED
    return (picture.height, picture.width) if turned else picture.size


def upright(source: Image.Image, rendered: Image.Image) -> Image.Image:
    """``rendered`` (made from ``source``) turned as the EXIF orientation of ``source`` asks."""
    method = _UPRIGHT.get(_orientation(source))
    return rendered if method is None else rendered.transpose(method)


def load_still(picture: Image.Image, region: Region | None, need: Needs) -> tuple[Image.Image, bool]:
    """Decode to upright RGB, cropped to the region and reduced as far as ``need`` permits.

    Returns the picture and whether it is complete.

    Raises:
        DamagedMedia: nothing of it could be decoded.
        UnsupportedMedia: its colour mode cannot be shown.
    """
    factor = _reduction(picture, region, need)
    full_width = picture.width
    if factor > 1:
        picture.draft(None, (int(picture.width / factor), int(picture.height / factor)))
    complete = _load(picture)
    done = full_width / picture.width
    shown = crop(upright(picture, to_displayed_rgb(picture, max(1, int(factor / done)))), region)
    if not complete and _is_blank(shown):
        raise DamagedMedia("The file is cut off before any of the picture.")
    return shown, complete


def taken_at(picture: Image.Image) -> datetime | None:
    """The EXIF date of capture; with a time zone only where the file states one."""
    exif = _exif(picture)
    try:
        details = exif.get_ifd(ExifTags.IFD.Exif)
    except BROKEN:
        details = {}
    text = details.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime)
    return _parse_date(str(text or ""), str(details.get(ExifTags.Base.OffsetTimeOriginal) or ""))


def _parse_date(text: str, zone: str) -> datetime | None:
    match = _EXIF_DATE.match(text)
    if match is None:
        return None
    year, month, day, clock = match[1], match[2], match[3], ":".join(match.group(4, 5, 6))
    suffix = zone if _EXIF_ZONE.fullmatch(zone) else ""
    try:
        return datetime.fromisoformat(f"{year}-{month}-{day}T{clock}{suffix}")
    except ValueError:
        return None


def _orientation(picture: Image.Image) -> int:
    value = _exif(picture).get(ExifTags.Base.Orientation, 1)
    return value if isinstance(value, int) else 1


def _exif(picture: Image.Image) -> Image.Exif:
    try:
        return picture.getexif()
    except BROKEN:
        return Image.Exif()


def _reduction(picture: Image.Image, region: Region | None, need: Needs) -> float:
    width, height = displayed_size(picture)
    if region is None:
        return need.reduction(width, height)
    return need.reduction(max(1.0, width * region.width), max(1.0, height * region.height))


def _load(picture: Image.Image) -> bool:
    """Decode; on broken data once more, as far as it goes. Returns whether all of it was there."""
    try:
        picture.load()
    except BROKEN:
        with _tolerating_truncation():
            try:
                picture.load()
            except BROKEN as error:
                raise DamagedMedia("The picture's data is damaged and cannot be decoded.") from error
        return False
    return True


@contextlib.contextmanager
def _tolerating_truncation() -> Iterator[None]:
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False


def _is_blank(picture: Image.Image) -> bool:
    return all(low == high for low, high in picture.getextrema())  # type: ignore[misc]
