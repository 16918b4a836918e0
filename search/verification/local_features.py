"""Local features: where two pictures can be compared point by point.

SIFT (D. Lowe, "Distinctive image features from scale-invariant keypoints", 2004) as OpenCV implements
it, with the descriptors mapped by Hellinger's kernel ("RootSIFT": Arandjelović and Zisserman, "Three
things everyone should know to improve object retrieval", 2012). Needs numpy and OpenCV, nothing heavier.
"""

from __future__ import annotations

import struct

import cv2
import numpy as np

from search.types import Float32Array, Int64Array, LocalFeatures, UInt8Array

DESCRIPTOR_SIZE = 128

# Lowe's 0.04 leaves hazy and dark pictures without points; a smaller value costs nothing where there is
# plenty, because only the strongest are kept.
_CONTRAST = 0.02
# A root descriptor has length 1 and hardly any entry above one half, so 512 uses the whole byte.
_SCALE = 512.0
# Half of the points may come from anywhere, the other half is shared out over a grid of so many cells a
# side: otherwise a caption or a logo, which has the strongest corners of all, takes every place.
_CELLS = 6

_HEADER = struct.Struct("<4sIII")
_MAGIC = b"SLF1"
_FRACTION = 65535.0


def extract(picture: UInt8Array, max_features: int) -> LocalFeatures:
    """Find the key points of a picture, taken at the size it comes in.

    ``picture``: uint8 RGB [H, W, 3] or grey [H, W]. At most ``max_features`` points are returned,
    strongest first; a flat picture has none.

    Raises:
        ValueError: the array is not a picture of bytes.
    """
    grey = _grey(picture)
    height, width = grey.shape
    detector = cv2.SIFT.create(nfeatures=2 * max_features, contrastThreshold=_CONTRAST)
    points, raw = detector.detectAndCompute(grey, None)
    if not points:
        return empty(width, height)
    positions = np.array([point.pt for point in points], np.float32)
    strengths = np.array([point.response for point in points], np.float32)
    # The centre of the first pixel is at half a pixel: fractions then hold at every size.
    fractions = np.clip((positions + 0.5) / (width, height), 0, 1).astype(np.float32)
    chosen = _spread(fractions, strengths, max_features)
    return LocalFeatures(
        points=fractions[chosen],
        descriptors=root_sift(np.asarray(raw, np.float32)[chosen]),
        width=width,
        height=height,
    )


def empty(width: int, height: int) -> LocalFeatures:
    """The features of a picture that has none."""
    return LocalFeatures(
        points=np.zeros((0, 2), np.float32),
        descriptors=np.zeros((0, DESCRIPTOR_SIZE), np.uint8),
        width=width,
        height=height,
    )


def root_sift(descriptors: Float32Array) -> UInt8Array:
    """Map SIFT descriptors, float32 [N, 128], to RootSIFT in bytes; distances are then Hellinger's."""
    total = np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-6)
    scaled: Float32Array = np.rint(_SCALE * np.sqrt(descriptors / total))
    return np.clip(scaled, 0, 255).astype(np.uint8)


def to_bytes(features: LocalFeatures) -> bytes:
    """Serialise features: a versioned header, then positions (2 x uint16 a point) and descriptors."""
    header = _HEADER.pack(_MAGIC, len(features), features.width, features.height)
    points = np.rint(np.clip(features.points, 0, 1) * _FRACTION).astype("<u2").tobytes()
    return b"".join((header, points, np.ascontiguousarray(features.descriptors).tobytes()))


def from_bytes(data: bytes) -> LocalFeatures:
    """Read what :func:`to_bytes` wrote; positions come back to within 1/131070 of the picture.

    Raises:
        ValueError: the bytes are something else, or were cut short.
    """
    if len(data) < _HEADER.size:
        raise ValueError("These bytes are too short to hold local features.")
    magic, count, width, height = _HEADER.unpack_from(data)
    if magic != _MAGIC:
        raise ValueError("These bytes do not hold local features of a known version.")
    if len(data) != _HEADER.size + count * (4 + DESCRIPTOR_SIZE):
        raise ValueError("The stored local features were cut short.")
    points = np.frombuffer(data, "<u2", 2 * count, _HEADER.size).reshape(count, 2)
    descriptors = np.frombuffer(data, np.uint8, count * DESCRIPTOR_SIZE, _HEADER.size + 4 * count)
    return LocalFeatures(
        points=(points / _FRACTION).astype(np.float32),
        descriptors=descriptors.reshape(count, DESCRIPTOR_SIZE),
        width=width,
        height=height,
    )


def _grey(picture: UInt8Array) -> UInt8Array:
    if picture.dtype != np.uint8 or picture.ndim not in (2, 3) or picture.size == 0:
        raise ValueError("Local features need a picture of bytes, [H, W, 3] or [H, W].")
    if picture.ndim == 2:
        return np.ascontiguousarray(picture)
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY), np.uint8)


def _spread(fractions: Float32Array, strengths: Float32Array, limit: int) -> Int64Array:
    """Indices of at most ``limit`` points, strongest first, at least half of them shared over the picture."""
    order = np.argsort(-strengths, kind="stable").astype(np.int64)
    if len(order) <= limit:
        return order
    cells = np.clip((fractions * _CELLS).astype(np.int64), 0, _CELLS - 1) @ np.array((1, _CELLS))
    rank_in_cell = np.zeros(len(order), np.int64)
    for cell in np.unique(cells):
        members = order[cells[order] == cell]
        rank_in_cell[members] = np.arange(len(members))
    fair = order[np.argsort(rank_in_cell[order], kind="stable")]
    anywhere = order[: limit // 2]
    rest = fair[~np.isin(fair, anywhere)][: limit - len(anywhere)]
    chosen = np.concatenate([anywhere, rest])
    return chosen[np.argsort(-strengths[chosen], kind="stable")]
