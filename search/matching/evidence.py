"""The pictures behind candidates, fetched and compared one by one."""

from __future__ import annotations

import numpy as np
from PIL import Image

from search.config import SearchConfig
from search.matching.query import Library
from search.media.pixels import decode_webp
from search.types import LocalFeatures, UInt8Array
from search.verification import local_features
from search.verification.geometric import Relation, Side, relate


def grey_of(picture: bytes | None) -> UInt8Array | None:
    """A WebP rendition as grey pixels, uint8 [H, W]; ``None`` stays ``None``."""
    return _grey(decode_webp(picture)) if picture else None


def side_of(picture: bytes, max_features: int, features: LocalFeatures | None = None) -> Side:
    """A rendition as one side of a comparison; its features are found now unless they are given."""
    pixels = decode_webp(picture)
    grey = _grey(pixels)
    return Side(features or local_features.extract(pixels, max_features), lambda: grey)


class Evidence:
    """Compares query pictures with pictures of the library. One object serves one search."""

    def __init__(self, config: SearchConfig, library: Library) -> None:
        self._max_features = config.renditions.features_max
        self._min_inliers = config.match.min_inliers
        self._library = library

    def query(self, picture: bytes, features: LocalFeatures | None = None) -> Side:
        """The query's side, from the WebP of one of its frames."""
        return side_of(picture, self._max_features, features)

    def with_picture(self, query: Side, content_id: int) -> Relation | None:
        """How a still picture of the library relates to the query; ``None`` also if it is gone."""
        features = self._library.features(content_id)
        if features is None:
            return self._with_rendition(query, self._library.picture(content_id))
        reference = Side(features, lambda: grey_of(self._library.picture(content_id)))
        return relate(query, reference, min_inliers=self._min_inliers)

    def with_frame(self, query: Side, frame_id: int) -> Relation | None:
        """How one kept frame of a clip relates to the query; ``None`` also if it is gone."""
        return self._with_rendition(query, self._library.frame_picture(frame_id))

    def _with_rendition(self, query: Side, picture: bytes | None) -> Relation | None:
        if not picture or len(query.features) == 0:
            return None
        return relate(query, side_of(picture, self._max_features), min_inliers=self._min_inliers)


def _grey(pixels: UInt8Array) -> UInt8Array:
    return np.asarray(Image.fromarray(pixels).convert("L"), np.uint8)
