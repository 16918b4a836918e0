"""Still pictures: every format, orientation and colour mode, and what happens to broken ones."""

from __future__ import annotations

import io
import struct
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import ExifTags, Image

from search.config import DecodeLimits, RenditionConfig
from search.embedding.base import InputSpec
from search.errors import DamagedMedia, MediaTooLarge
from search.media.image import PARTLY_READ
from search.media.pixels import detail, model_input
from search.types import MediaKind, Region
from tests import media
from tests.search.decoding import decode_file, difference, shown

pillow_heif.register_heif_opener()

PICTURE = media.picture(11, (200, 150))
SMALL = PICTURE.resize((64, 64), Image.Resampling.BILINEAR)


def write(path: Path, picture: Image.Image, **options: Any) -> Path:
    picture.save(path, **options)
    return path


FORMATS = [
    ("a.jpg", {"quality": 95}, "image/jpeg", "JPEG", False),
    ("a.jpg", {"quality": 95, "progressive": True}, "image/jpeg", "Progressive JPEG", False),
    ("a.png", {}, "image/png", "PNG", False),
    ("a.gif", {}, "image/gif", "GIF", False),
    ("a.webp", {"quality": 95}, "image/webp", "WebP", False),
    ("a.bmp", {}, "image/bmp", "BMP", False),
    ("a.tiff", {"compression": "tiff_lzw"}, "image/tiff", "TIFF", True),
    ("a.avif", {"quality": 90}, "image/avif", "AVIF", False),
    ("a.heic", {"quality": 90}, "image/heic", "HEIC", True),
]


@pytest.mark.parametrize(("name", "options", "mime", "codec", "has_view"), FORMATS)
def test_every_format_shows_the_same_picture(
    tmp_path: Path, name: str, options: dict[str, Any], mime: str, codec: str, has_view: bool
) -> None:
    path = write(tmp_path / name, PICTURE, **options).rename(tmp_path / "misleading.txt")
    found, frames = decode_file(path)
    info = found.info
    assert (info.kind, info.mime, info.codec) == (MediaKind.IMAGE, mime, codec)
    assert (info.width, info.height, info.duration) == (200, 150, None)
    assert found.frame_count == len(frames) == 1
    assert (frames[0].time, frames[0].start, frames[0].end) == (0, 0, 0)
    assert difference(frames[0].pixels, SMALL) < 6
    assert difference(shown(found.thumbnail), PICTURE) < 12
    assert (found.view is not None) is has_view
    assert found.features is not None and len(found.features) > 50
    assert found.warnings == ()


def test_a_picture_is_not_enlarged_and_a_large_one_fits_its_renditions(tmp_path: Path) -> None:
    small, _ = decode_file(media.picture_file(tmp_path / "s.png", 1, (60, 40)))
    large, frames = decode_file(media.picture_file(tmp_path / "l.tiff", 1, (2400, 1200)))
    assert shown(small.thumbnail).shape == (40, 60, 3)
    assert shown(large.thumbnail).shape == (160, 320, 3)
    assert large.view is not None and shown(large.view).shape == (800, 1600, 3)
    assert shown(frames[0].picture).shape == (160, 320, 3)
    assert large.features is not None and (large.features.width, large.features.height) == (400, 200)


def test_reading_a_large_jpeg_at_reduced_size_gives_the_same_description(tmp_path: Path) -> None:
    large = media.picture(4, (2400, 1800))
    path = write(tmp_path / "large.jpg", large, quality=95)
    _, frames = decode_file(path)
    assert difference(frames[0].pixels, large.resize((64, 64), Image.Resampling.BILINEAR)) < 2
    found, _ = decode_file(path)
    assert (found.info.width, found.info.height) == (2400, 1800)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_honoured(tmp_path: Path, orientation: int) -> None:
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = PICTURE if undo is None else PICTURE.transpose(undo)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    found, frames = decode_file(write(tmp_path / "a.jpg", stored, quality=95, exif=exif))
    assert (found.info.width, found.info.height) == (200, 150)
    assert difference(frames[0].pixels, SMALL) < 6


def _palette_with_hole() -> Image.Image:
    picture = Image.new("P", (40, 40), 1)
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.paste(0, (0, 0, 20, 40))
    picture.info["transparency"] = 1
    return picture


def test_transparent_parts_are_white(tmp_path: Path) -> None:
    layered = Image.new("RGBA", (40, 40), (0, 0, 255, 0))
    layered.paste((255, 0, 0, 255), (0, 0, 20, 40))
    grey = Image.merge("LA", [Image.new("L", (40, 40), 0), layered.getchannel("A")])
    for name, picture, left in (
        ("rgba.png", layered, (255, 0, 0)),
        ("rgba.webp", layered, (255, 0, 0)),
        ("palette.png", _palette_with_hole(), (255, 0, 0)),
        ("palette.gif", _palette_with_hole(), (255, 0, 0)),
        ("grey.png", grey, (0, 0, 0)),
    ):
        _, frames = decode_file(write(tmp_path / name, picture))
        pixels = frames[0].pixels.astype(int)
        assert np.abs(pixels[32, 8] - left).max() <= 6, name
        assert np.abs(pixels[32, 56] - 255).max() <= 6, name


def test_sixteen_bits_of_grey_become_eight_without_clipping(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 65535, 256).astype(np.uint16), (256, 1))
    for name in ("deep.png", "deep.tiff"):
        _, frames = decode_file(write(tmp_path / name, Image.fromarray(ramp)))
        row = frames[0].pixels[30, :, 0].astype(int)
        assert np.abs(row - np.linspace(2, 253, 64)).max() <= 3


def test_sixteen_bit_colour_png_is_read(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    path.write_bytes(_png(2, 2, depth=16, colour=2, rows=b"\x00" + struct.pack(">3H", 65535, 32768, 0) * 2))
    _, frames = decode_file(path)
    assert np.abs(frames[0].pixels[0, 0].astype(int) - (255, 128, 0)).max() <= 1


def test_cmyk_jpeg_is_shown_in_its_colours(tmp_path: Path) -> None:
    _, frames = decode_file(write(tmp_path / "a.jpg", PICTURE.convert("CMYK"), quality=95))
    assert difference(frames[0].pixels, SMALL) < 6


def test_floating_point_and_wide_grey_tiff_are_stretched_to_what_they_use(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(-3.0, 7.0, 256, dtype=np.float32), (64, 1))
    _, frames = decode_file(write(tmp_path / "a.tiff", Image.fromarray(ramp)))
    row = frames[0].pixels[30, :, 0]
    assert row[0] < 5 and row[-1] > 250


def test_a_broken_colour_profile_does_no_harm(tmp_path: Path) -> None:
    _, frames = decode_file(write(tmp_path / "a.png", PICTURE, icc_profile=b"not a profile"))
    assert difference(frames[0].pixels, SMALL) < 3


@pytest.mark.parametrize("name", ["a.heic", "a.avif"])
def test_turned_heic_and_avif_are_upright(tmp_path: Path, name: str) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    stored = PICTURE.transpose(Image.Transpose.ROTATE_90)
    found, frames = decode_file(write(tmp_path / name, stored, quality=90, exif=exif.tobytes()))
    assert (found.info.width, found.info.height) == (200, 150)
    assert difference(frames[0].pixels, SMALL) < 6


def _dated(text: str, zone: str | None = None) -> bytes:
    exif = Image.Exif()
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.DateTimeOriginal] = text
    if zone:
        details[ExifTags.Base.OffsetTimeOriginal] = zone
    return exif.tobytes()


def test_the_date_of_capture_has_a_zone_only_if_the_file_states_one(tmp_path: Path) -> None:
    def taken(text: str, zone: str | None = None) -> datetime | None:
        path = write(tmp_path / "a.jpg", PICTURE, exif=_dated(text, zone))
        return decode_file(path)[0].info.taken_at

    assert taken("2021:03:04 05:06:07") == datetime(2021, 3, 4, 5, 6, 7)
    east = taken("2021:03:04 05:06:07", "+02:00")
    assert east == datetime(2021, 3, 4, 3, 6, 7, tzinfo=UTC)
    assert east is not None and east.utcoffset() == timedelta(hours=2)
    assert taken("0000:00:00 00:00:00") is None
    assert taken("yesterday") is None


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_a_picture_cut_off_is_read_as_far_as_it_goes(tmp_path: Path, name: str) -> None:
    whole = write(tmp_path / name, PICTURE)
    found, frames = decode_file(media.damaged(whole, tmp_path / f"cut-{name}", keep=0.6))
    assert found.warnings == (PARTLY_READ,)
    assert (found.info.width, found.info.height) == (200, 150)
    assert difference(frames[0].pixels[:20], np.asarray(SMALL)[:20]) < 8


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("name", [name for name, *_ in FORMATS])
def test_a_file_without_picture_data_is_an_error_in_words(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, PICTURE)
    header = path.read_bytes()[:40]
    path.write_bytes(header)
    with pytest.raises(DamagedMedia, match=r"damaged|cut off"):
        decode_file(path)


def _png(width: int, height: int, *, depth: int = 8, colour: int = 2, rows: bytes = b"") -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data = zlib.compress(rows * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [3000, 60000])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path: Path, side: int) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(_png(side, side))
    with pytest.raises(MediaTooLarge, match="1 megapixels"):
        decode_file(path, limits=DecodeLimits(max_pixels=1_000_000))


def test_a_file_over_the_byte_limit_is_refused(tmp_path: Path) -> None:
    path = media.picture_file(tmp_path / "a.png", 1)
    with pytest.raises(MediaTooLarge, match="MB"):
        decode_file(path, limits=DecodeLimits(max_bytes=1000))


def test_a_region_is_described_like_a_picture_cropped_to_it(tmp_path: Path) -> None:
    part = PICTURE.crop((50, 30, 150, 120))
    found, frames = decode_file(write(tmp_path / "a.png", PICTURE), region=Region(0.25, 0.2, 0.5, 0.6))
    alone, expected = decode_file(write(tmp_path / "b.png", part))
    assert np.array_equal(frames[0].pixels, expected[0].pixels)
    assert frames[0].phash == expected[0].phash
    assert (found.info.width, found.info.height) == (200, 150)
    assert found.features is not None and alone.features is not None
    assert len(found.features) == len(alone.features)


def test_a_region_of_a_turned_picture_is_in_displayed_coordinates(tmp_path: Path) -> None:
    path = tmp_path / "turned.jpg"
    path.write_bytes(media.with_orientation(PICTURE, 6))
    _, frames = decode_file(path, region=Region(0.5, 0.0, 0.5, 0.5))
    expected = PICTURE.crop((100, 0, 200, 75)).resize((64, 64), Image.Resampling.BILINEAR)
    assert difference(frames[0].pixels, expected) < 8


def test_only_the_first_page_of_several_is_read_and_it_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tiff", PICTURE, save_all=True, append_images=[media.picture(2)])
    found, _ = decode_file(path)
    assert found.info.kind == MediaKind.IMAGE
    assert len(found.warnings) == 1 and "first" in found.warnings[0]


def test_the_crop_rule_takes_the_middle_and_the_squash_rule_all() -> None:
    bands = Image.new("RGB", (300, 100), "red")
    bands.paste((0, 0, 255), (100, 0, 200, 100))
    cropped = model_input(bands, InputSpec(32, "crop"))
    squashed = model_input(bands, InputSpec(32, "squash"))
    assert cropped.shape == squashed.shape == (32, 32, 3)
    assert (cropped[16, 1:31] == (0, 0, 255)).all()
    assert squashed[16, 2].tolist() == [255, 0, 0] and squashed[16, 16].tolist() == [0, 0, 255]


def test_model_pixels_are_antialiased() -> None:
    stripes = Image.fromarray(np.tile(np.array([0, 255], np.uint8), (256, 128))).convert("RGB")
    pixels = model_input(stripes, InputSpec(64, "squash"))
    assert np.abs(pixels.astype(int) - 127).max() < 12


def test_detail_is_near_zero_for_flat_pictures_and_high_for_photographs() -> None:
    black, soft = media.flat(), Image.linear_gradient("L").convert("RGB")
    noisy_black = Image.fromarray(np.random.default_rng(1).integers(0, 4, (240, 320, 3), dtype=np.uint8))
    assert detail(black) == 0.0
    assert detail(noisy_black) < 0.1
    assert detail(soft) < 0.4
    assert detail(media.picture(3)) > 0.5


def test_renditions_may_share_a_size_or_differ(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png", PICTURE)
    same, frames = decode_file(path)
    other, _ = decode_file(path, renditions=RenditionConfig(thumbnail_px=100))
    assert same.thumbnail == frames[0].picture
    assert shown(other.thumbnail).shape == (75, 100, 3)


def test_our_own_renditions_decode_and_others_do_not() -> None:
    buffer = io.BytesIO()
    PICTURE.save(buffer, "WEBP")
    assert shown(buffer.getvalue()).shape == (150, 200, 3)
    with pytest.raises(OSError, match="identify"):
        shown(b"RIFF\x00\x00\x00\x00WEBPnothing")
