"""Pictures inside the query picture: asked for when the query as a whole led to nothing.

A picture pasted into another fills too little of it for an embedding of the whole. Windows of 40 % of the
sides, four by four, leave no pasted picture of that size without one that is mostly it. On 100 photographs
pasted at random places of others, the original is the nearest neighbour of a window in 99 % at 40 % of the
size and in 85 % at 30 %; without windows in 11 % and 1 %.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from search.config import SearchConfig
from search.embedding.base import Embedder
from search.index.reader import IndexReader
from search.matching.candidates import Candidate, scored
from search.matching.picture import PictureFindings, PictureSearch
from search.matching.query import Library, QueryDescription
from search.media.pixels import crop, decode_webp, encode_webp, model_input
from search.ranking import Background
from search.types import MediaKind, Region
from search.verification import local_features

_SIDE = 0.4
_PLACES = 4
_NEIGHBOURS = 8
# Windows make many questions, and the best of many answers is higher by chance: only likely ones are checked.
_LIKELY = 0.5
_MAX_CHECKED = 8
# A window with less variation (standard deviation of grey, of 255) shows nothing.
_FLAT = 10.0
# Windows are enlarged to this long side, so that their details are as large as the library's.
_FEATURES_PX = 320


class InsideSearch:
    """Looks for library pictures that are pasted into the query. One object serves one search."""

    def __init__(
        self,
        config: SearchConfig,
        embedder: Embedder,
        background: Background,
        reader: IndexReader,
        library: Library,
        query: QueryDescription,
    ) -> None:
        self._config, self._embedder, self._background = config, embedder, background
        self._reader, self._library, self._query = reader, library, query
        self._picture = Image.fromarray(decode_webp(query.pictures[0]))

    def find(self) -> PictureFindings:
        """Verified copies and moments whose pixels are in some window of the query."""
        windows = self._windows()
        found = PictureFindings((), (), ())
        if not windows or len(self._reader) == 0:
            return found
        candidates = self._candidates(windows)
        kinds = self._library.kinds([candidate.content_id for candidate, _ in candidates])
        living = [pair for pair in candidates if pair[0].content_id in kinds]
        for candidate, window in living[:_MAX_CHECKED]:
            found = found.joined(self._verified(candidate, window, kinds))
        return found

    def _windows(self) -> list[Region]:
        steps = np.linspace(0, 1 - _SIDE, _PLACES).tolist()
        every = [Region(x, y, _SIDE, _SIDE) for y in steps for x in steps]
        grey = self._picture.convert("L")
        return [window for window in every if float(np.asarray(crop(grey, window)).std()) >= _FLAT]

    def _candidates(self, windows: list[Region]) -> list[tuple[Candidate, Region]]:
        """Each likely content with the window it is nearest to, best first."""
        spec = self._embedder.spec.input
        inputs = np.stack([model_input(crop(self._picture, window), spec) for window in windows])
        answer = scored(self._reader, self._background, self._embedder.embed(inputs), _NEIGHBOURS)
        found: dict[int, tuple[Candidate, Region]] = {}
        for place in np.argsort(-answer.scores, axis=None, kind="stable").tolist():
            row, column = divmod(place, answer.scores.shape[1])
            owner, score = int(answer.owners[row, column]), float(answer.scores[row, column])
            if score < _LIKELY:
                break
            if owner not in found and owner != self._query.content_id:
                found[owner] = Candidate(owner, int(answer.ids[row, column]), score), windows[row]
        return list(found.values())

    def _verified(self, candidate: Candidate, window: Region, kinds: dict[int, MediaKind]) -> PictureFindings:
        part = crop(self._picture, window)
        scale = _FEATURES_PX / max(part.size)
        enlarged = part.resize(
            (round(part.width * scale), round(part.height * scale)), Image.Resampling.BICUBIC
        )
        features = local_features.extract(np.asarray(enlarged), self._config.renditions.features_max)
        region = _within(window, self._query.region)
        query = replace(self._query, pictures=(encode_webp(part),), features=features, region=region)
        search = PictureSearch(self._config, self._background, self._library, query, flat_copies=False)
        return search.verify([candidate], kinds)


def _within(window: Region, region: Region | None) -> Region:
    """A window of a region as a part of the whole picture."""
    if region is None:
        return window
    x, y = region.x + window.x * region.width, region.y + window.y * region.height
    width, height = window.width * region.width, window.height * region.height
    return Region(x, y, min(width, 1 - x), min(height, 1 - y))
