"""From whatever Pillow opened to 8-bit RGB as it is displayed on white."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

from search.errors import UnsupportedMedia

_WHITE = (255, 255, 255)
_REDUCIBLE = {"L", "LA", "RGB", "RGBA", "CMYK"}


def to_displayed_rgb(picture: Image.Image, reduction: int = 1) -> Image.Image:
    """An RGB copy, reduced by a whole factor on the way so that large pictures need little memory.

    16-bit and 32-bit grey is scaled to 8 bits, transparency is laid on white, and an embedded colour
    profile other than sRGB is applied, as browsers do.

    Raises:
        UnsupportedMedia: the colour mode cannot be shown.
    """
    profile = picture.info.get("icc_profile")
    plain = _reducible(picture)
    if reduction > 1:
        plain = plain.reduce(reduction)
    return _apply_profile(_on_white(plain), profile).convert("RGB")


def _reducible(picture: Image.Image) -> Image.Image:
    if picture.mode in ("F", "I") or picture.mode.startswith("I;16"):
        return _deep_grey(picture)
    if picture.has_transparency_data:
        return picture.convert("RGBA")
    if picture.mode in _REDUCIBLE:
        return picture
    try:
        return picture.convert("RGB")
    except ValueError as error:
        raise UnsupportedMedia(f"The colour mode {picture.mode} cannot be shown.") from error


def _deep_grey(picture: Image.Image) -> Image.Image:
    """16-bit values are divided by 257; wider ones are stretched over the range they use."""
    values = np.asarray(picture)
    if values.dtype == np.uint16:
        return Image.fromarray((values // 257).astype(np.uint8))
    known = np.nan_to_num(values.astype(np.float32), posinf=0.0, neginf=0.0)
    low, high = float(known.min()), float(known.max())
    if low >= 0 and high <= 65535 and picture.mode == "I":
        low, high = 0.0, 65535.0
    scaled = (known - low) * (255.0 / max(high - low, 1e-6))
    return Image.fromarray(scaled.astype(np.uint8))


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode not in ("LA", "RGBA"):
        return picture
    layered = picture.convert("RGBA")
    ground = Image.new("RGB", layered.size, _WHITE)
    ground.paste(layered, mask=layered.getchannel("A"))
    return ground


def _apply_profile(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Turn colours into sRGB; a profile that does not parse or fit is ignored, as browsers do."""
    if not profile:
        return picture
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return picture
        target = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(picture, source, target, outputMode="RGB") or picture
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return picture
