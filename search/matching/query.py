"""What a search is given: the query, and a view of the library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from search.types import FrameSequence, LocalFeatures, MediaKind, Region


class Pictures(Protocol):
    """Pictures as WebP, by their places from 0. A tuple is one; so is :class:`FetchedPictures`."""

    def __len__(self) -> int: ...

    def __getitem__(self, place: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class FetchedPictures:
    """Pictures that are read when they are asked for: a long clip has thousands, and few are looked at.

    ``fetch(place)`` gives the WebP at a place, empty bytes where there is none.
    """

    count: int
    fetch: Callable[[int], bytes]

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, place: int, /) -> bytes:
        return self.fetch(place)


@dataclass(frozen=True, slots=True)
class QueryDescription:
    """What is being searched for, as described by the same pipeline as the library.

    ``content_id``: the query's own content if its bytes are known (an exact match needs it), else ``None``.
    ``sequence``: its kept frames (one for a still picture). ``pictures``: WebP of each of them, in order.
    ``features``: local features of a still picture. ``region``: the part of the picture that was described;
    sequence, pictures and features are then of that part, and results speak of the whole picture.
    """

    kind: MediaKind
    content_id: int | None
    sequence: FrameSequence
    pictures: Pictures
    features: LocalFeatures | None = None
    region: Region | None = None


class Library(Protocol):
    """What matching needs to know of the library. Only contents that are not in the trash are visible."""

    def kinds(self, content_ids: Sequence[int]) -> dict[int, MediaKind]:
        """The kind of each content; an id that is missing from the answer is not in the library any more."""

    def sequence(self, content_id: int) -> FrameSequence:
        """All kept frames of a content with their vectors; empty if it is gone."""

    def features(self, content_id: int) -> LocalFeatures | None:
        """Local features stored at ingest; pictures have them, clips do not."""

    def frame_picture(self, frame_id: int) -> bytes | None:
        """WebP of one kept frame of a clip."""

    def picture(self, content_id: int) -> bytes | None:
        """WebP of a still picture's frame."""

    def frame_times(self, frame_ids: Sequence[int]) -> dict[int, float]:
        """Timestamps (seconds) of kept frames; 0 for those of still pictures."""

    def labels(self, content_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
        """Labels that people gave to each content."""
