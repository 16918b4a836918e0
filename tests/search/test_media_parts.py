"""The small parts of decoding: format sniffing, the timeline, and the child's language."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.config import DecodeLimits, KeyframeConfig, RenditionConfig
from search.embedding.base import InputSpec
from search.errors import DamagedMedia, MediaTooLarge, UnsupportedMedia
from search.media import messages, sniff, wire
from search.media.base import DecodedMedia, DecodeJob
from search.media.timeline import Timeline
from search.types import DecodedFrame, LocalFeatures, MediaInfo, MediaKind, Region
from tests import media

WEBP = media.encoded(media.flat(size=(4, 4)), "WEBP")

# -- sniffing


@pytest.mark.parametrize(
    ("header", "form"),
    [
        (b"\xff\xd8\xff\xe0", sniff.JPEG),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom", sniff.MP4),
        (b"\x00\x00\x00\x18ftyp3gp5\x00\x00\x00\x003gp5isom", sniff.MP4),
        (b"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  ", sniff.QUICKTIME),
        (b"\x00\x00\x00\x08wide\x00\x00\x00\x00mdat", sniff.QUICKTIME),
        (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic", sniff.HEIC),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avifmiaf", sniff.AVIF),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", sniff.WEBP),
        (b"RIFF\x00\x00\x00\x00AVI LIST", sniff.AVI),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm", sniff.WEBM),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x88matroska", sniff.MATROSKA),
        ((b"\x47" + bytes(187)) * 3, sniff.MPEG_TS),
        ((bytes(4) + b"\x47" + bytes(187)) * 3, sniff.MPEG_TS),
    ],
)
def test_formats_are_told_by_their_first_bytes(header: bytes, form: sniff.FileFormat) -> None:
    assert sniff.sniff(header) is form


@pytest.mark.parametrize(
    "header", [b"hello", b"RIFF\x00\x00\x00\x00WAVE", b"%PDF-1.7", b"\x00" * 64, b"#EXTM3U\n", b"G" * 100]
)
def test_other_files_are_refused(header: bytes) -> None:
    with pytest.raises(UnsupportedMedia):
        sniff.sniff(header)


def test_an_empty_file_is_called_empty() -> None:
    with pytest.raises(DamagedMedia, match="empty"):
        sniff.sniff(b"")


def test_no_format_can_lead_to_other_files_or_hosts() -> None:
    followers = {"hls", "applehttp", "dash", "concat", "sdp", "rtsp", "image2", "lavfi"}
    assert not followers & {form.decoder for form in sniff.FORMATS}


# -- timeline


def placed(timeline: Timeline, *stamps: float | None) -> list[float | None]:
    return [timeline.place(None if stamp is None else Fraction(stamp)) for stamp in stamps]


def timeline(origin: int | None = 0, *, broadcast: bool = False) -> Timeline:
    return Timeline(None if origin is None else Fraction(origin), Fraction(1, 4), broadcast=broadcast)


def test_times_count_from_the_origin_and_frames_before_it_are_not_shown() -> None:
    assert placed(timeline(10), 9.5, 10, 10.25, 11) == [None, 0.0, 0.25, 1.0]
    assert placed(timeline(None), 7, 7.5) == [0.0, 0.5]


def test_frames_without_a_stamp_follow_at_the_nominal_rate() -> None:
    assert placed(timeline(), None, None, 1, None) == [0.0, 0.25, 1.0, 1.25]


def test_a_repeated_or_slightly_wrong_stamp_is_not_shown() -> None:
    subject = timeline()
    assert placed(subject, 0, 1, 1, 0.5, 2) == [0.0, 1.0, None, None, 2.0]
    assert subject.joints == 0


def test_after_a_joint_times_count_on() -> None:
    subject = timeline(broadcast=True)
    assert placed(subject, 5, 5.5, 1, 1.5, 90, 90.25) == [5.0, 5.5, 5.75, 6.25, 6.5, 6.75]
    assert subject.joints == 2


def test_a_long_pause_in_a_screen_recording_is_real() -> None:
    assert placed(timeline(), 0, 90) == [0.0, 90.0]


@given(st.lists(st.one_of(st.none(), st.fractions(-1000, 1000)), max_size=40), st.booleans())
def test_times_rise_strictly_whatever_the_stamps(stamps: list[Fraction | None], broadcast: bool) -> None:
    subject = timeline(broadcast=broadcast)
    shown = [time for time in (subject.place(stamp) for stamp in stamps) if time is not None]
    assert all(a < b for a, b in pairwise(shown))
    assert all(time >= 0 for time in shown)


# -- the language of the child


def through(message: wire.Message) -> wire.Message:
    data = memoryview(wire.pack(message))

    def read(count: int) -> bytes:
        nonlocal data
        assert len(data) >= count
        taken, data = bytes(data[:count]), data[count:]
        return taken

    found = wire.read_message(read)
    assert len(data) == 0
    return found


FRAME = DecodedFrame(
    position=3,
    time=1.5,
    start=1.5,
    end=2.25,
    phash=2**64 - 1,
    detail=0.5,
    pixels=np.arange(48, dtype=np.uint8).reshape(4, 4, 3),
    picture=WEBP,
)
INFO = MediaInfo(
    kind=MediaKind.VIDEO,
    mime="video/mp4",
    format="MP4",
    codec="H.264",
    width=640,
    height=360,
    duration=12.5,
    frame_rate=29.97,
    has_audio=True,
    taken_at=datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC),
)
FEATURES = LocalFeatures(
    points=np.array([[0.25, 0.5], [0.75, 1.0]], np.float32),
    descriptors=np.arange(256, dtype=np.uint8).reshape(2, 128),
    width=400,
    height=300,
)
MEDIA = DecodedMedia(INFO, 4, WEBP, WEBP, FEATURES, ("One sentence.",))


def test_a_frame_arrives_as_it_was_sent() -> None:
    found = messages.read_frame(through(messages.pack_frame(FRAME)), 4)
    assert np.array_equal(found.pixels, FRAME.pixels)
    assert replace(found, pixels=FRAME.pixels) == FRAME


@pytest.mark.parametrize("view", [WEBP, None])
@pytest.mark.parametrize("features", [FEATURES, None])
def test_the_closing_message_arrives_as_it_was_sent(
    view: bytes | None, features: LocalFeatures | None
) -> None:
    sent = replace(MEDIA, view=view, features=features)
    found = messages.read_media(through(messages.pack_media(sent)))
    assert replace(found, features=None) == replace(sent, features=None)
    if features is None:
        assert found.features is None
    else:
        assert found.features is not None
        assert np.array_equal(found.features.points, features.points)
        assert np.array_equal(found.features.descriptors, features.descriptors)
        assert (found.features.width, found.features.height) == (400, 300)


def test_errors_keep_their_kind_and_words() -> None:
    error, trace = messages.read_error(through(messages.pack_error(MediaTooLarge("Too big."), "here")))
    assert type(error) is MediaTooLarge
    assert (str(error), trace) == ("Too big.", "here")


def test_an_unknown_kind_of_error_is_damage() -> None:
    error, _ = messages.read_error(wire.Message(messages.ERROR, {"kind": "SystemExit", "text": "Bye."}))
    assert type(error) is DamagedMedia


@pytest.mark.parametrize("path", ["/a b/ä.jpg", "/not-utf8-\udcff.jpg"])
def test_a_job_survives_the_way_to_the_child(path: str) -> None:
    job = DecodeJob(
        path,
        DecodeLimits(max_pixels=5),
        KeyframeConfig(strategy="shot"),
        RenditionConfig(frame_px=7),
        InputSpec(8, "crop"),
        Region(0.1, 0.2, 0.3, 0.4),
    )
    for each in (job, replace(job, region=None)):
        assert messages.read_job(json.loads(json.dumps(messages.pack_job(each)))) == each


@pytest.mark.parametrize(
    "fields",
    [
        {"phash": 2**64},
        {"phash": -1},
        {"phash": 1.5},
        {"time": math.nan},
        {"time": math.inf},
        {"time": -1},
        {"time": "0"},
        {"position": True},
        {"detail": None},
    ],
)
def test_a_frame_with_a_senseless_field_is_refused(fields: dict[str, object]) -> None:
    message = messages.pack_frame(FRAME)
    with pytest.raises(wire.WireError):
        messages.read_frame(through(replace(message, fields={**message.fields, **fields})), 4)


@pytest.mark.parametrize("parts", [(), (b"x" * 47, WEBP), (b"x" * 48, b"<script>"), (b"x" * 48, WEBP, b"")])
def test_a_frame_with_wrong_parts_is_refused(parts: tuple[bytes, ...]) -> None:
    message = replace(messages.pack_frame(FRAME), parts=parts)
    with pytest.raises(wire.WireError):
        messages.read_frame(through(message), 4)


@pytest.mark.parametrize(
    "data",
    [
        wire.PREFIX.pack(wire.MAX_HEADER + 1, 0),
        wire.PREFIX.pack(2, wire.MAX_BODY + 1),
        wire.PREFIX.pack(2, 0) + b"[]",
        wire.PREFIX.pack(4, 0) + b"nope",
        wire.PREFIX.pack(1, 0) + b"\xff",
        wire.PREFIX.pack(36, 1) + b'{"name":"a","fields":{},"parts":[2]}' + b"x",
        wire.PREFIX.pack(37, 1) + b'{"name":"a","fields":{},"parts":[-1]}' + b"x",
        wire.PREFIX.pack(35, 1) + b'{"name":"a","fields":{},"parts":[]}' + b"x",
        wire.PREFIX.pack(34, 0) + b'{"name":1,"fields":{},"parts":[]} ',
    ],
)
def test_a_broken_message_is_refused(data: bytes) -> None:
    rest = bytearray(data)

    def read(count: int) -> bytes:
        taken = bytes(rest[:count])
        del rest[:count]
        return taken

    with pytest.raises(wire.WireError):
        wire.read_message(read)
