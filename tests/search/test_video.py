"""Clips: containers, exact time, turned and damaged files, animated pictures."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from search.config import DecodeLimits, KeyframeConfig
from search.errors import DamagedMedia, MediaError, MediaTooLarge, UnsupportedMedia
from search.types import DecodedFrame, MediaKind, Region
from tests import media
from tests.search.decoding import decode_file, difference, shown

UNIFORM = KeyframeConfig(strategy="uniform", short_rate=4.0)
EVERY = KeyframeConfig(strategy="uniform", short_rate=1000.0)

CONTAINERS = [
    ("a.mp4", "libx264", "video/mp4", "MP4", "H.264"),
    ("a.mov", "libx264", "video/quicktime", "QuickTime", "H.264"),
    ("a.mkv", "libx264", "video/x-matroska", "Matroska", "H.264"),
    ("a.webm", "libvpx-vp9", "video/webm", "WebM", "VP9"),
    ("b.webm", "libvpx", "video/webm", "WebM", "VP8"),
    ("a.avi", "mpeg4", "video/x-msvideo", "AVI", "MPEG-4"),
    ("b.avi", "libx264", "video/x-msvideo", "AVI", "H.264"),
    ("a.ts", "libx264", "video/mp2t", "MPEG-TS", "H.264"),
    ("a.ogv", "libvpx", "video/ogg", "Ogg", "VP8"),
    ("a.mpg", "mpeg2video", "video/mpeg", "MPEG", "MPEG-2"),
]


def times(frames: Sequence[DecodedFrame]) -> list[float]:
    return [frame.time for frame in frames]


def write_plain(path: Path, codec: str, rate: int = 25, seconds: float = 2.0) -> Path:
    """Fixed rate with the codec's natural time base, which AVI and MPEG need."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = 160, 128, "yuv420p"
        stream.codec_context.gop_size, stream.codec_context.bit_rate = 12, 4_000_000
        for pixels in media.scenes([1, 2], seconds / 2, rate, (160, 128)):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("name", "codec", "mime", "words", "codec_words"), CONTAINERS)
def test_every_container_gives_the_same_clip(
    tmp_path: Path, name: str, codec: str, mime: str, words: str, codec_words: str
) -> None:
    path = write_plain(tmp_path / name, codec).rename(tmp_path / "misleading.jpg")
    found, frames = decode_file(path, keyframes=UNIFORM)
    info = found.info
    assert (info.kind, info.mime, info.format, info.codec) == (MediaKind.VIDEO, mime, words, codec_words)
    assert (info.width, info.height, info.has_audio) == (160, 128, False)
    assert info.duration == pytest.approx(2.0, abs=0.1)
    assert info.frame_rate == pytest.approx(25, abs=0.5)
    assert times(frames) == pytest.approx([n / 25 for n in (0, 7, 13, 19, 25, 32, 38, 44)], abs=0.0021)
    wanted = list(media.scenes([1, 2], 1.0, 25, (160, 128)))
    for frame, number in zip(frames, (0, 7, 13, 19, 25, 32, 38, 44), strict=True):
        assert difference(shown(frame.picture), wanted[number]) < 14
    assert found.warnings == ()


def test_times_are_the_exact_timestamps_of_a_variable_frame_rate(tmp_path: Path) -> None:
    stamps = [0.0, 0.04, 0.5, 0.517, 1.25, 3.0, 3.01, 3.4]
    frames = media.scene(1, len(stamps) / 10)
    path = media.write_clip(tmp_path / "a.mp4", frames, times=stamps)
    _, found = decode_file(path, keyframes=EVERY)
    assert times(found) == pytest.approx(stamps, abs=1e-6)
    assert times(found) == pytest.approx([time for time, _ in media.read_clip(path)], abs=1e-9)


def test_kept_frames_cover_the_clip_without_gaps(tmp_path: Path) -> None:
    path = media.clip_file(tmp_path / "a.mp4", [1, 2, 3], seconds=1.0)
    found, frames = decode_file(path)
    assert len(frames) > 6
    assert frames[0].start == 0.0
    assert [frame.position for frame in frames] == list(range(found.frame_count))
    assert all(first.end == second.start for first, second in pairwise(frames))
    assert frames[-1].end == pytest.approx(3.0, abs=0.01)
    assert all(frame.start == frame.time < frame.end for frame in frames)


def test_hard_cuts_are_kept_frames(tmp_path: Path) -> None:
    path = media.clip_file(tmp_path / "a.mp4", [3, 5, 3], seconds=1.1, rate=30)
    _, frames = decode_file(path, keyframes=KeyframeConfig(strategy="shot"))
    assert times(frames) == pytest.approx([0.0, 1.1, 2.2], abs=1e-6)
    _, mixed = decode_file(path)
    assert {1.1, 2.2} <= {round(time, 6) for time in times(mixed)}


def test_a_still_talk_keeps_a_frame_an_interval(tmp_path: Path) -> None:
    still = [np.asarray(media.picture(1))] * 120
    path = media.write_clip(tmp_path / "a.mp4", still, rate=10)
    _, frames = decode_file(path)
    assert times(frames) == pytest.approx([0.0, 5.0, 10.0])
    assert frames[0].end == 5.0


def test_a_picture_that_starts_after_the_sound_keeps_its_delay(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        video.codec_context.time_base = Fraction(1, 1000)
        sound: Any = container.add_stream("pcm_s16le", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.int16), format="s16", layout="mono")
        silence.sample_rate, silence.pts = 8000, 0
        container.mux(sound.encode(silence))
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 20 * number, np.uint8), format="rgb24")
            frame.pts, frame.time_base = 500 + 100 * number, Fraction(1, 1000)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    found, frames = decode_file(path, keyframes=EVERY)
    assert frames[0].time == pytest.approx(0.5, abs=0.002)
    assert found.info.has_audio


@pytest.mark.parametrize(("degrees", "turns"), [(90, 3), (180, 2), (270, 1)])
def test_rotation_metadata_is_honoured(tmp_path: Path, degrees: int, turns: int) -> None:
    plain = media.clip_file(tmp_path / "a.mp4", [1], seconds=0.5, size=(160, 96))
    _, upright = decode_file(plain)
    found, frames = decode_file(media.rotate_mp4(plain, degrees))
    size = (160, 96) if degrees == 180 else (96, 160)
    assert (found.info.width, found.info.height) == size
    expected = np.rot90(shown(upright[0].picture), turns)
    assert difference(shown(frames[0].picture), expected) < 4


def test_pixels_that_are_not_square_are_shown_square(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 96, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for pixels in media.scene(1, 0.5, 10, (96, 96)):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    found, frames = decode_file(path)
    assert (found.info.width, found.info.height) == (128, 96)
    assert shown(frames[0].picture).shape == (96, 128, 3)


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuvj420p", "yuv444p"])
def test_colours_come_out_right_for_limited_and_full_range(tmp_path: Path, pix_fmt: str) -> None:
    colour = np.array([200, 60, 30], np.uint8)
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=10, options={"crf": "5"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, pix_fmt
        for _ in range(5):
            pixels = np.broadcast_to(colour, (64, 64, 3)).copy()
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    _, frames = decode_file(path)
    assert np.abs(frames[0].pixels[32, 32].astype(int) - colour).max() <= 6


def test_a_recording_without_a_duration_in_its_header_is_measured(tmp_path: Path) -> None:
    path = media.clip_file(tmp_path / "a.mkv", [1, 2], seconds=1.5)
    data = path.read_bytes()
    at = data.index(b"\x44\x89\x88")  # EBML: Duration, 8 bytes; becomes a Void element of the same length
    path.write_bytes(data[:at] + b"\xec\x89" + bytes(9) + data[at + 11 :])
    with av.open(str(path)) as container:
        assert not container.streams.video[0].duration
    found, frames = decode_file(path)
    assert found.info.duration == pytest.approx(3.0, abs=0.11)
    assert len(frames) >= 10
    with pytest.raises(MediaTooLarge, match="minutes"):
        decode_file(path, limits=DecodeLimits(max_duration=2.0))


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.webm", "libvpx-vp9")])
def test_key_frames_are_told_by_their_flag_whatever_the_decoder_returns(
    tmp_path: Path, name: str, codec: str
) -> None:
    path = media.clip_file(tmp_path / name, [1], seconds=4.0, codec=codec, options={"g": "10"})
    with av.open(str(path)) as container:
        wanted = [float(frame.time) for frame in container.decode(video=0) if frame.key_frame]
    assert 1 < len(wanted) < 40
    _, frames = decode_file(path, keyframes=KeyframeConfig(strategy="codec"))
    assert times(frames) == pytest.approx(wanted, abs=1e-6)


def test_damaged_packets_are_counted_and_skipped(tmp_path: Path) -> None:
    path = media.clip_file(tmp_path / "a.mp4", [1, 2], seconds=2.0, options={"g": "5"})
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        spoilt = [packet for packet in container.demux(video=0) if packet.size][8:11]
        for packet in spoilt:
            assert packet.pos is not None
            data[packet.pos : packet.pos + packet.size] = b"\xff" * packet.size
    path.write_bytes(data)
    found, frames = decode_file(path, keyframes=EVERY)
    assert any("skipped: 3 of 40." in warning for warning in found.warnings)
    assert 30 <= len(frames) < 40
    assert times(frames)[-1] == pytest.approx(3.9, abs=1e-6)


def test_a_clip_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = media.clip_file(tmp_path / "a.mkv", [1, 2], seconds=2.0)
    found, frames = decode_file(media.damaged(whole, tmp_path / "cut.mkv", keep=0.5))
    assert len(frames) >= 2
    assert frames[-1].end < 3.9
    assert found.info.duration is not None and found.info.duration < 3.9


def test_a_file_without_its_index_is_an_error_in_words(tmp_path: Path) -> None:
    whole = media.clip_file(tmp_path / "a.mp4", [1], seconds=1.0)
    with pytest.raises(DamagedMedia, match="MP4"):
        decode_file(media.damaged(whole, tmp_path / "cut.mp4", keep=0.3))


def test_broadcast_recordings_joined_without_mending_the_clock_play_on(tmp_path: Path) -> None:
    first = write_plain(tmp_path / "a.ts", "libx264")
    second = write_plain(tmp_path / "b.ts", "libx264")
    joined = tmp_path / "c.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    found, frames = decode_file(joined, keyframes=UNIFORM)
    assert frames[-1].end == pytest.approx(4.0, abs=0.15)
    assert any("clock jumps" in warning for warning in found.warnings)


def test_sound_alone_is_not_a_clip(tmp_path: Path) -> None:
    path = tmp_path / "a.mka"
    with av.open(str(path), "w", format="matroska") as container:
        sound: Any = container.add_stream("pcm_s16le", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        silence.sample_rate = 8000
        container.mux(sound.encode(silence))
    with pytest.raises(UnsupportedMedia, match="sound"):
        decode_file(path)


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{}'\n",
        "<?xml version='1.0'?><MPD><BaseURL>{}</BaseURL></MPD>",
    ],
)
def test_a_playlist_that_names_other_files_is_no_media(tmp_path: Path, text: str) -> None:
    target = media.clip_file(tmp_path / "secret.mp4", [1], seconds=0.3)
    path = tmp_path / "a.mp4"
    path.write_text(text.format(target))
    with pytest.raises(UnsupportedMedia):
        decode_file(path)


def test_limits_on_frame_size_and_duration_are_errors_in_words(tmp_path: Path) -> None:
    path = media.clip_file(tmp_path / "a.mp4", [1], seconds=1.0)
    with pytest.raises(MediaTooLarge, match="320 x 240"):
        decode_file(path, limits=DecodeLimits(max_pixels=50_000))
    with pytest.raises(MediaTooLarge, match="minutes"):
        decode_file(path, limits=DecodeLimits(max_duration=0.5))


def test_the_thumbnail_is_no_black_opening_frame(tmp_path: Path) -> None:
    black = [np.zeros((240, 320, 3), np.uint8)] * 10
    path = media.write_clip(tmp_path / "a.mp4", [*black, *media.scene(1, 1.0)], rate=10)
    found, frames = decode_file(path)
    assert frames[0].detail < 0.05 < 0.4 < frames[-1].detail
    assert shown(found.thumbnail).mean() > 40


def test_a_region_of_a_clip_is_cropped_from_every_frame(tmp_path: Path) -> None:
    path = media.clip_file(tmp_path / "a.mp4", [1], seconds=0.5)
    _, whole = decode_file(path)
    _, part = decode_file(path, region=Region(0.5, 0.5, 0.5, 0.5))
    assert shown(part[0].picture).shape == (120, 160, 3)
    assert difference(shown(part[0].picture), shown(whole[0].picture)[120:, 160:]) < 6


# -- animated pictures

ANIMATIONS = [
    ("a.gif", "Animated GIF"),
    ("a.webp", "Animated WebP"),
    ("a.png", "Animated PNG"),
    ("a.avif", "Animated AVIF"),
]


@pytest.mark.parametrize(("name", "words"), ANIMATIONS)
def test_animated_pictures_are_clips_with_their_own_durations(tmp_path: Path, name: str, words: str) -> None:
    pictures = [media.picture(seed, (96, 64)) for seed in range(4)]
    path = tmp_path / name
    durations = [100, 300, 200, 400]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=durations, loop=0)
    found, frames = decode_file(path, keyframes=EVERY)
    assert (found.info.kind, found.info.format) == (MediaKind.VIDEO, words)
    assert times(frames) == pytest.approx([0.0, 0.1, 0.4, 0.6], abs=0.002)
    assert found.info.duration == pytest.approx(1.0, abs=0.01)
    assert frames[-1].end == pytest.approx(1.0, abs=0.01)
    for frame, picture in zip(frames, pictures, strict=True):
        assert difference(shown(frame.picture), picture) < 20


def test_frames_without_a_pause_last_as_long_as_browsers_show_them(tmp_path: Path) -> None:
    path = media.animation_file(tmp_path / "a.gif", [1, 2, 3], duration_ms=0)
    _, frames = decode_file(path, keyframes=EVERY)
    assert times(frames) == pytest.approx([0.0, 0.1, 0.2])


def test_the_still_of_an_animated_png_is_no_frame_of_it(tmp_path: Path) -> None:
    still, *moving = [media.picture(seed, (96, 64)) for seed in range(3)]
    path = tmp_path / "a.png"
    still.save(path, save_all=True, append_images=moving, duration=200, default_image=True)
    _, frames = decode_file(path, keyframes=EVERY)
    assert times(frames) == pytest.approx([0.0, 0.2])
    assert difference(shown(frames[0].picture), moving[0]) < 20


def test_a_gif_of_one_frame_is_a_picture(tmp_path: Path) -> None:
    found, _ = decode_file(media.animation_file(tmp_path / "a.gif", [1]))
    assert found.info.kind == MediaKind.IMAGE


def test_pixels_times_frames_of_an_animation_are_limited(tmp_path: Path) -> None:
    path = media.animation_file(tmp_path / "a.gif", [1, 2, 3])
    with pytest.raises(MediaTooLarge, match="3 frames"):
        decode_file(path, limits=DecodeLimits(max_total_pixels=50_000))


def test_an_animation_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = media.animation_file(tmp_path / "a.gif", [1, 2, 3, 4])
    found, frames = decode_file(media.damaged(whole, tmp_path / "cut.gif", keep=0.7), keyframes=EVERY)
    assert 1 <= len(frames) < 4
    assert found.warnings


def test_a_transparent_animation_is_laid_on_white(tmp_path: Path) -> None:
    pictures = [Image.new("RGBA", (40, 40), (0, 0, 0, 0)) for _ in range(2)]
    pictures[1].paste((255, 0, 0, 255), (0, 0, 20, 40))
    path = tmp_path / "a.webp"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=100, lossless=True)
    _, frames = decode_file(path, keyframes=EVERY)
    assert frames[0].pixels.min() > 245
    assert np.abs(frames[1].pixels[32, 10].astype(int) - (255, 0, 0)).max() < 6


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.avi", "a.ts", "a.gif", "b.webp", "c.png"])
def test_spoilt_clips_decode_or_say_why_not(tmp_path: Path, name: str) -> None:
    codec = {"a.webm": "libvpx", "a.avi": "mpeg4"}.get(name, "libx264")
    path = tmp_path / name
    if path.suffix in {".gif", ".webp", ".png"}:
        media.animation_file(path, [1, 2, 3])
    else:
        write_plain(path, codec, seconds=1.0)
    data, random = path.read_bytes(), np.random.default_rng(5)
    outcomes = set()
    for _ in range(12):
        spoilt = bytearray(data)
        for at in random.integers(0, len(data), 30):
            spoilt[at] = random.integers(256)
        path.write_bytes(spoilt)
        try:
            found, frames = decode_file(path)
            assert len(frames) == found.frame_count > 0
            outcomes.add("read")
        except MediaError as error:
            assert str(error).endswith(".")
            outcomes.add("refused")
    assert outcomes
