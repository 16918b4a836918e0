"""The words of the engine as frozen value objects.

This module imports numpy and nothing heavier, so that a web process may use it.
Times are seconds from exact presentation timestamps. A *score* is higher-is-better, a *distance*
lower-is-better. Picture coordinates in results are fractions (0..1) of the displayed picture's width
and height, so they hold for the original and for every rendition of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

UInt8Array: TypeAlias = NDArray[np.uint8]
UInt64Array: TypeAlias = NDArray[np.uint64]
Int64Array: TypeAlias = NDArray[np.int64]
Float16Array: TypeAlias = NDArray[np.float16]
Float32Array: TypeAlias = NDArray[np.float32]
Float64Array: TypeAlias = NDArray[np.float64]

Point: TypeAlias = tuple[float, float]


class MediaKind(StrEnum):
    """A still picture, or anything with a time axis (video, animated GIF, WebP, APNG)."""

    IMAGE = "image"
    VIDEO = "video"


class Band(StrEnum):
    """How strong a match is, in the three levels a person is shown."""

    EXACT = "exact"
    COPY = "copy"
    SIMILAR = "similar"


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle in fractions of the displayed picture: ``0 <= x, y < 1`` and ``0 < width, height <= 1``.

    Raises:
        ValueError: the rectangle is empty or reaches outside the picture.
    """

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        inside = 0 <= self.x < 1 and 0 <= self.y < 1 and self.width > 0 and self.height > 0
        if not inside or self.x + self.width > 1 + 1e-6 or self.y + self.height > 1 + 1e-6:
            raise ValueError("A region must lie inside the picture and must not be empty.")


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """Facts about a file, as displayed (after EXIF orientation or rotation metadata).

    ``duration`` (seconds) and ``frame_rate`` (average, 1/s) are ``None`` for still pictures;
    ``taken_at`` is the capture or creation date the file itself states (no time zone is invented).
    """

    kind: MediaKind
    mime: str
    format: str
    codec: str
    width: int
    height: int
    duration: float | None = None
    frame_rate: float | None = None
    has_audio: bool = False
    taken_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LocalFeatures:
    """Key points of one picture with their descriptors.

    ``points``: float32 [N, 2], x and y as fractions of the picture's width and height.
    ``descriptors``: uint8 [N, 128], RootSIFT scaled by 512 and clipped to 255.
    ``width``, ``height``: pixels of the picture the features were found on (the unit of residuals).
    """

    points: Float32Array
    descriptors: UInt8Array
    width: int
    height: int

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """One kept frame as it leaves the decoding process; nothing here needs a network.

    ``time`` is the frame's own timestamp; it stands for the interval ``start..end`` (near-identical
    neighbours were dropped). All three are 0 for a still picture.
    ``phash``: unsigned 64-bit DCT hash. ``detail``: 0 (flat, black) to 1 (rich in structure).
    ``pixels``: uint8 [S, S, 3] RGB, the model's input before normalisation.
    ``picture``: the frame as WebP for display.
    """

    position: int
    time: float
    start: float
    end: float
    phash: int
    detail: float
    pixels: UInt8Array
    picture: bytes


@dataclass(frozen=True, slots=True)
class FrameDescription:
    """One kept frame with its embedding: what the database stores (see :class:`DecodedFrame`).

    ``vector``: float16 [D], L2-normalised.
    """

    position: int
    time: float
    start: float
    end: float
    phash: int
    detail: float
    vector: Float16Array
    picture: bytes


@dataclass(frozen=True, slots=True)
class MediaDescription:
    """Everything about one file except its frames, which were streamed to the caller.

    ``thumbnail``: WebP. ``view``: WebP for formats a browser cannot show, else ``None``.
    ``features``: local features of a still picture, else ``None``.
    ``warnings``: sentences for a person, e.g. how many damaged packets were skipped.
    """

    info: MediaInfo
    frame_count: int
    thumbnail: bytes
    view: bytes | None
    features: LocalFeatures | None
    model_key: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FrameSequence:
    """The kept frames of one clip (or the single frame of a picture), in time order.

    ``ids``: int64 [N]. ``times``, ``starts``, ``ends``: float64 [N] seconds.
    ``vectors``: float32 [N, D], L2-normalised. ``hashes``: uint64 [N]. ``details``: float32 [N].
    """

    ids: Int64Array
    times: Float64Array
    starts: Float64Array
    ends: Float64Array
    vectors: Float32Array
    hashes: UInt64Array
    details: Float32Array

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Verification:
    """Geometric evidence that two pictures share pixels.

    ``homography``: 3x3 row-major, maps query points to reference points (fractions both).
    ``pairs``: inlier correspondences ``(query point, reference point)``, at most 200, strongest first.
    ``inliers`` of ``matches`` tentative correspondences agree with the homography.
    ``agreement``: correlation (-1..1) of the overlapping pixels after warping; ``None`` if not measured.
    ``mirrored``: the query had to be flipped left to right.
    ``score``: 0..1, comparable across queries.
    """

    inliers: int
    matches: int
    score: float
    mirrored: bool
    homography: tuple[float, ...]
    pairs: tuple[tuple[Point, Point], ...]
    agreement: float | None = None


@dataclass(frozen=True, slots=True)
class CopyMatch:
    """A reference picture that shows the query's pixels. ``verification`` is ``None`` for exact matches
    and for flat pictures accepted on hash and embedding alone."""

    content_id: int
    band: Band
    score: float
    verification: Verification | None = None


@dataclass(frozen=True, slots=True)
class SimilarMatch:
    """A reference whose closest frame resembles the query. ``time`` is ``None`` for still pictures."""

    content_id: int
    frame_id: int
    score: float
    time: float | None = None


@dataclass(frozen=True, slots=True)
class SegmentMatch:
    """Seconds of the query that come from seconds of a reference clip.

    ``query_start`` and ``query_end`` are ``None`` when the query is a still picture.
    ``speed``: reference seconds per query second. ``coverage``: share (0..1) of the query's grid
    points in the range that agree.
    """

    content_id: int
    score: float
    query_start: float | None
    query_end: float | None
    reference_start: float
    reference_end: float
    speed: float = 1.0
    mirrored: bool = False
    coverage: float = 1.0


@dataclass(frozen=True, slots=True)
class LandmarkMatch:
    """A label suggested by verified neighbours, with the content that supports it best."""

    label: str
    score: float
    inliers: int
    content_id: int


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Everything a search found, each list best first.

    ``best_score``: the highest score seen, matched or not, for the "nothing matches" answer.
    ``generation``: the index generation that was read. ``timings``: stage name to seconds.
    """

    copies: tuple[CopyMatch, ...]
    similar: tuple[SimilarMatch, ...]
    segments: tuple[SegmentMatch, ...]
    landmarks: tuple[LandmarkMatch, ...]
    best_score: float
    generation: int
    timings: dict[str, float]
