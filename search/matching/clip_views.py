"""Turned clips, and clips pasted into a clip: asked for when the query as it is led to nothing.

The network minds neither mirroring nor moderate crops, but a quarter turn or a picture in picture leaves
nothing that it knows. So a few frames are looked at again, turned and through windows, and where several of
them then name the same content, the whole query is described in that view. Many views are many chances
to be wrong: only segments whose pixels agree are believed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from search.config import SearchConfig
from search.embedding.base import Embedder
from search.hashing.perceptual import phash
from search.index.reader import IndexReader
from search.matching.candidates import scored
from search.matching.clip import ClipFindings, ClipSearch, frame_pairs, vote
from search.matching.evidence import Evidence
from search.matching.query import FetchedPictures, Library, QueryDescription
from search.media.pixels import crop, decode_webp, encode_webp, model_input
from search.ranking import Background
from search.types import Float32Array, Float64Array, FrameSequence, MediaKind, Region, SegmentMatch

# Windows as in search.matching.inside.
_SIDE = 0.4
_PLACES = 4
# Frames that are tried in every view, and how many of them must name the same content, each this likely.
_ASKED = 10
_LEAST_FRAMES = 2
_LIKELY = 0.4
_NEIGHBOURS = 8
_MAX_VIEWS = 3
# Longer queries are not described again: four a second, these are two minutes.
_MAX_FRAMES = 480
_BATCH = 64
# Windows are enlarged to this long side, so that their details are as large as the library's.
_ENLARGED_PX = 320
# A picture in the picture has at least this share of its sides.
_LEAST_SIDE = 0.1


@dataclass(frozen=True, slots=True)
class View:
    """A way to look at a picture: ``turns`` quarter turns counter-clockwise, or a part of it."""

    turns: int = 0
    window: Region | None = None

    def of(self, picture: Image.Image) -> Image.Image:
        """The picture in this view."""
        if self.window is None:
            return picture.rotate(90 * self.turns, expand=True)
        part = crop(picture, self.window)
        scale = _ENLARGED_PX / max(part.size)
        size = (max(1, round(part.width * scale)), max(1, round(part.height * scale)))
        return part.resize(size, Image.Resampling.BICUBIC)


def all_views() -> list[View]:
    """Three turns, and windows of 40 % of the sides, four by four."""
    steps = np.linspace(0, 1 - _SIDE, _PLACES).tolist()
    windows = [View(window=Region(x, y, _SIDE, _SIDE)) for y in steps for x in steps]
    return [*(View(turns) for turns in (1, 2, 3)), *windows]


def _box_in_query(homography: Sequence[float]) -> Float64Array:
    """Left, top, right and bottom of the reference picture in fractions of the query: float64 [4]."""
    back = np.linalg.inv(np.array(homography, np.float64).reshape(3, 3))
    corners = np.array([(0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1)], np.float64) @ back.T
    points = corners[:, :2] / corners[:, 2:]
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def _window_of(box: Float64Array, window: Region) -> Region | None:
    """A box in a window as a region of the whole picture; ``None`` if it cannot be one."""
    x, right = np.clip(window.x + box[[0, 2]] * window.width, 0, 1).tolist()
    y, bottom = np.clip(window.y + box[[1, 3]] * window.height, 0, 1).tolist()
    if min(right - x, bottom - y) < _LEAST_SIDE:
        return None
    return Region(x, y, right - x, bottom - y)


class ClipViews:
    """Looks for a clip in other views. One object serves one search."""

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

    def find(self) -> ClipFindings:
        """The segments of the first view that has any; nothing for queries of more than 480 frames."""
        if len(self._query.sequence) > _MAX_FRAMES or len(self._reader) == 0:
            return ClipFindings((), ())
        for view in self._likely_views():
            found = self._found_in(self._seen(view))
            if found.segments:
                return self._sharpened(view, found)
        return ClipFindings((), ())

    def _sharpened(self, view: View, found: ClipFindings) -> ClipFindings:
        """The same again through a window that fits: through one that is a little off, a moving picture
        looks like another moment of itself."""
        if view.window is None:
            return found
        fitting = self._fitting_window(view, view.window, found.segments[0])
        again = self._found_in(self._seen(View(window=fitting))) if fitting else found
        return again if again.segments else found

    def _fitting_window(self, view: View, window: Region, segment: SegmentMatch) -> Region | None:
        """Where the whole reference picture lies in the query, by the key points of a few frame pairs."""
        evidence = Evidence(self._config, self._library)
        reference = self._library.sequence(segment.content_id)
        boxes: list[Float64Array] = []
        for place, facing in frame_pairs(segment, self._query.sequence, reference):
            picture = self._encoded(view, place)
            relation = (
                evidence.with_frame(evidence.query(picture), int(reference.ids[facing])) if picture else None
            )
            if relation is not None and relation.is_copy:
                boxes.append(_box_in_query(relation.verification.homography))
        return _window_of(np.median(boxes, axis=0), window) if boxes else None

    def _likely_views(self) -> list[View]:
        """Views in which several of the tried frames name the same content, the clearest first."""
        count = len(self._query.sequence)
        places = np.unique(np.linspace(0, count - 1, min(count, _ASKED)).astype(np.int64)).tolist()
        pictures = [picture for place in places if (picture := self._picture(place)) is not None]
        strengths = [(self._strength(view, pictures), view) for view in all_views()]
        likely = [pair for pair in strengths if pair[0] > 0]
        likely.sort(key=lambda pair: -pair[0])
        return [view for _, view in likely[:_MAX_VIEWS]]

    def _strength(self, view: View, pictures: Sequence[Image.Image]) -> float:
        if not pictures:
            return 0.0
        vectors = self._embedded(view.of(picture) for picture in pictures)
        answer = scored(self._reader, self._background, vectors, _NEIGHBOURS)
        votes: dict[int, list[float]] = defaultdict(list)
        for owners, scores in zip(answer.owners.tolist(), answer.scores.tolist(), strict=True):
            best: dict[int, float] = {}
            for owner, score in zip(owners, scores, strict=True):
                if owner >= 0 and owner != self._query.content_id and score >= _LIKELY:
                    best[owner] = max(score, best.get(owner, 0.0))
            for owner, score in best.items():
                votes[owner].append(score)
        return max((sum(given) for given in votes.values() if len(given) >= _LEAST_FRAMES), default=0.0)

    def _seen(self, view: View) -> QueryDescription:
        """The whole query in another view; pictures are made when they are asked for."""
        query = self._query
        pictures = FetchedPictures(len(query.sequence), lambda place: self._encoded(view, place))
        return replace(query, sequence=self._sequence(view), pictures=pictures)

    def _sequence(self, view: View) -> FrameSequence:
        original = self._query.sequence
        hashes, details = original.hashes.copy(), original.details.copy()
        vectors = np.zeros_like(original.vectors)
        for places, pictures in self._batches(view):
            vectors[places] = self._embedded(pictures)
            hashes[places] = [phash(np.asarray(picture)) for picture in pictures]
        # What has no picture is no evidence.
        details[~vectors.any(axis=1)] = 0
        return replace(original, vectors=vectors, hashes=hashes, details=details)

    def _batches(self, view: View) -> Iterator[tuple[list[int], list[Image.Image]]]:
        for first in range(0, len(self._query.sequence), _BATCH):
            places = range(first, min(first + _BATCH, len(self._query.sequence)))
            seen = {
                place: view.of(picture) for place in places if (picture := self._picture(place)) is not None
            }
            if seen:
                yield list(seen), list(seen.values())

    def _found_in(self, query: QueryDescription) -> ClipFindings:
        votes = vote(self._config, self._reader, self._background, query.sequence)
        kinds = self._library.kinds([candidate.content_id for candidate in votes.candidates])
        clips = [
            candidate
            for candidate in votes.candidates
            if kinds.get(candidate.content_id) is MediaKind.VIDEO and candidate.content_id != query.content_id
        ]
        search = ClipSearch(self._config, self._background, self._library, query, votes, proof=True)
        return search.verify(clips, kinds)

    def _picture(self, place: int) -> Image.Image | None:
        data = self._query.pictures[place]
        return Image.fromarray(decode_webp(data)) if data else None

    def _encoded(self, view: View, place: int) -> bytes:
        picture = self._picture(place)
        return b"" if picture is None else encode_webp(view.of(picture))

    def _embedded(self, pictures: Iterable[Image.Image]) -> Float32Array:
        spec = self._embedder.spec.input
        return self._embedder.embed(np.stack([model_input(picture, spec) for picture in pictures]))
