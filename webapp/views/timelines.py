"""The data of the two-lane timeline: frames and matched ranges, in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from django.urls import reverse

from webapp.models import Content, Frame, Match
from webapp.services.storage import original_path
from webapp.views.sniffing import inline_type

# A lane shows a few dozen pictures at a time; more frames than this only make the page heavy.
MAX_FRAMES = 600
NEAR_SECONDS = 30.0
Span = tuple[float, float]


class Lane(TypedDict):
    """One clip. ``src`` is empty where no browser can play the file; ``frames``: [position, start, end]."""

    src: str
    mime: str
    pictures: str
    duration: float
    still: bool
    frames: list[tuple[int, float, float]]


class SegmentRow(TypedDict):
    """One matched range: query seconds ``q0..q1`` (null for a still picture), reference ``r0..r1``."""

    q0: float | None
    q1: float | None
    r0: float
    r1: float
    speed: float
    mirrored: bool
    score: float


def lane(content: Content, src: str, spans: Sequence[Span]) -> Lane:
    mime = inline_type(content, original_path(content.sha256)) or ""
    frames = _thinned(list(Frame.objects.filter(content=content).order_by("position")), spans)
    pictures = reverse("rendition", args=[content.sha256, "frames/0.webp"]).removesuffix("0.webp")
    return {
        "src": src if mime.startswith("video/") else "",
        "mime": mime,
        "pictures": pictures,
        "duration": _duration(content, frames, spans),
        "still": not content.is_video,
        "frames": [(frame.position, round(frame.start, 3), round(frame.end, 3)) for frame in frames],
    }


def _duration(content: Content, frames: Sequence[Frame], spans: Sequence[Span]) -> float:
    """Headers may say nothing or too little; no frame or match may lie outside the lane."""
    last_frame = max((frame.end for frame in frames), default=0.0)
    return max(content.duration or 0.0, last_frame, *(end for _, end in spans), 0.04)


def _thinned(frames: list[Frame], spans: Sequence[Span]) -> list[Frame]:
    """Every frame near a match, and evenly chosen ones elsewhere."""
    if len(frames) <= MAX_FRAMES:
        return frames
    step = -(-2 * len(frames) // MAX_FRAMES)
    near = [frame for frame in frames if any(_is_near(frame, span) for span in spans)]
    near = near[:: -(-2 * len(near) // MAX_FRAMES) or 1]
    kept = {frame.position for frame in (*frames[::step], *near)}
    return [frame for frame in frames if frame.position in kept]


def _is_near(frame: Frame, span: Span) -> bool:
    return frame.end >= span[0] - NEAR_SECONDS and frame.start <= span[1] + NEAR_SECONDS


def segment_rows(segments: Sequence[Match]) -> list[SegmentRow]:
    return [
        {
            "q0": segment.query_start,
            "q1": segment.query_end,
            "r0": segment.reference_start or 0.0,
            "r1": segment.reference_end or 0.0,
            "speed": segment.speed or 1.0,
            "mirrored": segment.mirrored,
            "score": segment.score,
        }
        for segment in segments
    ]
