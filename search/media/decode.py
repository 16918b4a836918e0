"""One file from bytes to frames and renditions. Meant for the decoding child, see the sandbox."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
from PIL import Image

from search.errors import DamagedMedia
from search.keyframes.registry import make_strategy
from search.media import image as images
from search.media.animation import AnimationReader
from search.media.base import DecodedMedia, DecodeJob, FrameSink
from search.media.clip import ClipReader, describe_clip
from search.media.limits import check_size
from search.media.pixels import describe_frame, encode_webp, fit, needs
from search.media.sniff import HEADER_BYTES, JPEG, TIFF, FileFormat, sniff
from search.media.video import VideoReader
from search.types import DecodedFrame, LocalFeatures, MediaInfo, MediaKind
from search.verification.local_features import extract

FIRST_PAGE = "The file has several pages; only the first was read."


def decode(job: DecodeJob, sink: FrameSink) -> DecodedMedia:
    """Decode a file; kept frames go to ``sink`` in order as they are found.

    Raises:
        MediaError: a subclass that says, in a sentence for a person, why the file cannot be used.
        MemoryError: more memory is needed than the process may have.
    """
    check_size(job.path, job.limits.max_bytes)
    form = sniff(_header(job.path))
    if form.reader == "clip":
        return _decode_clip(_open_video(job, form), job, sink)
    with contextlib.closing(images.open_picture(job.path, form, job.limits.max_pixels)) as picture:
        frame_count = images.count_frames(picture, form)
        if frame_count > 1:
            return _decode_clip(_open_animation(job, form, picture, frame_count), job, sink)
        return _decode_still(picture, form, job, sink)


def _header(path: str) -> bytes:
    try:
        with Path(path).open("rb") as stream:
            return stream.read(HEADER_BYTES)
    except OSError as error:
        raise DamagedMedia(f"The file cannot be opened: {error.strerror}.") from error


def _open_video(job: DecodeJob, form: FileFormat) -> VideoReader:
    return VideoReader(
        job.path,
        form,
        max_pixels=job.limits.max_pixels,
        max_duration=job.limits.max_duration,
        region=job.region,
        need=needs(job.renditions, job.input),
        key_frames_only=job.keyframes.strategy == "codec",
    )


def _open_animation(
    job: DecodeJob, form: FileFormat, picture: Image.Image, frame_count: int
) -> AnimationReader:
    return AnimationReader(
        picture,
        form,
        frame_count,
        max_total_pixels=job.limits.max_total_pixels,
        region=job.region,
        need=needs(job.renditions, job.input),
    )


def _decode_clip(reader: ClipReader, job: DecodeJob, sink: FrameSink) -> DecodedMedia:
    with contextlib.closing(reader):
        strategy = make_strategy(job.keyframes, reader.expected_duration())
        outcome = describe_clip(reader, strategy, job, sink)
        return DecodedMedia(
            info=reader.info(outcome.end, outcome.decoded),
            frame_count=outcome.frame_count,
            thumbnail=outcome.thumbnail,
            view=None,
            features=None,
            warnings=reader.warnings(),
        )


def _decode_still(picture: Image.Image, form: FileFormat, job: DecodeJob, sink: FrameSink) -> DecodedMedia:
    sizes = job.renditions
    extra = () if form.in_browsers else (sizes.view_px,)
    info = _still_info(picture, form)
    warnings = [FIRST_PAGE] if form is TIFF and getattr(picture, "n_frames", 1) > 1 else []
    shown, complete = images.load_still(
        picture, job.region, needs(sizes, job.input, sizes.features_px, *extra)
    )
    if not complete:
        warnings.append(images.PARTLY_READ)
    frame = describe_frame(shown, sizes, job.input)
    sink(DecodedFrame(0, 0.0, 0.0, 0.0, frame.phash, frame.detail, frame.pixels, frame.picture))
    same_size = sizes.thumbnail_px == sizes.frame_px
    return DecodedMedia(
        info=info,
        frame_count=1,
        thumbnail=frame.picture if same_size else encode_webp(fit(shown, sizes.thumbnail_px)),
        view=None if form.in_browsers else encode_webp(fit(shown, sizes.view_px)),
        features=_features(shown, job),
        warnings=tuple(warnings),
    )


def _features(shown: Image.Image, job: DecodeJob) -> LocalFeatures:
    return extract(np.asarray(fit(shown, job.renditions.features_px)), job.renditions.features_max)


def _still_info(picture: Image.Image, form: FileFormat) -> MediaInfo:
    width, height = images.displayed_size(picture)
    progressive = form is JPEG and picture.info.get("progressive")
    return MediaInfo(
        kind=MediaKind.IMAGE,
        mime=form.mime,
        format=form.name,
        codec=f"Progressive {form.name}" if progressive else form.name,
        width=width,
        height=height,
        taken_at=images.taken_at(picture),
    )
