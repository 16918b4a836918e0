"""Which seconds of which clips go into each edited query: drawn at random, so that the truth is exact.

Lengths and speeds follow what was published of the 2,707 true segments of VSC2022: length p5/p50/p95 =
4.7/9.8/28 s; speed p1 .61, p99 1.48, under half within 5 % of 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from search.evaluation.clip_edits import GEOMETRY, OVERLAYS, PICTURE_EDITS, QUALITY
from search.evaluation.segment_metrics import Box

RATE, FEW_FRAMES = 25, 10
"""Frames a second of a query, and of one with the edit ``frames``."""

SINGLE_EDITS = (
    "plain",
    *sorted(PICTURE_EDITS),
    "frames",
    "logo+text",
    "mix",
    "pip",
    "slow",
    "fast",
    "speed",
)
COMBINED = "combined"
FIXED_SPEEDS = {"slow": 0.8, "fast": 1.25}

_COMBINED_SHARE = 0.3
_SHORTEST, _LONGEST = 3.0, 40.0
_MEDIAN_LENGTH, _BELOW, _ABOVE = 9.8, np.log(9.8 / 4.7) / 1.645, np.log(28 / 9.8) / 1.645
# A share of segments runs at exactly 1, the others log-normally about it: 45 % are then within 5 % of 1.
_UNCHANGED, _SPEED_SPREAD = 0.32, 0.2
_SLOWEST, _FASTEST = 0.61, 1.48
_FILLER_SECONDS = (2.0, 7.0)
_SEGMENT_COUNTS, _SEGMENT_ODDS = (1, 2, 3), (0.8, 0.15, 0.05)
_SAME_REFERENCE = 0.3


@dataclass(frozen=True, slots=True)
class Source:
    """A clip that queries are cut from. ``content_id``: its id in the library, ``None`` for filler.
    ``duration``: seconds. ``aspect``: width / height as displayed."""

    path: Path
    content_id: int | None
    duration: float
    aspect: float


@dataclass(frozen=True, slots=True)
class Piece:
    """``length`` seconds of a query, which show ``source`` from ``start`` on at ``speed``.

    ``behind``: for a picture in picture, the filler behind it and its first second.
    """

    source: Source
    start: float
    length: float
    speed: float = 1.0
    behind: tuple[Source, float] | None = None

    @property
    def end(self) -> float:
        """Where the shown part of the source ends, in its own seconds."""
        return self.start + self.length * self.speed


@dataclass(frozen=True, slots=True)
class Plan:
    """One query. ``label``: what it is counted under; ``edits``: the names of what is done to it; ``seed``:
    of the details of its edits; ``rate``: frames a second."""

    name: str
    label: str
    edits: tuple[str, ...]
    pieces: tuple[Piece, ...]
    seed: int
    rate: int

    @property
    def group(self) -> str:
        """``single`` or ``combined``."""
        return COMBINED if self.label == COMBINED else "single"

    @property
    def truth(self) -> tuple[Box, ...]:
        """The ranges that come from clips in the library."""
        boxes: list[Box] = []
        moment = 0.0
        for piece in self.pieces:
            if piece.source.content_id is not None:
                query = (moment, moment + piece.length)
                boxes.append(Box(piece.source.content_id, query, (piece.start, piece.end)))
            moment += piece.length
        return tuple(boxes)


def draw_plans(
    references: Sequence[Source],
    fillers: Sequence[Source],
    *,
    queries: int,
    seed: int,
    labels: Sequence[str] = (*SINGLE_EDITS, COMBINED),
) -> list[Plan]:
    """Plans for ``queries`` queries; every other one holds no copy. Both halves take ``labels`` in turn.

    Raises:
        ValueError: there is no reference or no filler, or a label is not known.
    """
    unknown = sorted(set(labels) - {*SINGLE_EDITS, COMBINED})
    if unknown:
        raise ValueError(f"There is no edit called {', '.join(unknown)}.")
    if not references or not fillers:
        raise ValueError("At least one clip for the library and one other are needed.")
    cycle = _cycle(labels)
    plans: list[Plan] = []
    for number in range(queries):
        random = np.random.default_rng([seed, number])
        draw = _Draw(random, references, fillers)
        plans.append(draw.plan(f"{number:04}", cycle[number // 2 % len(cycle)], copied=number % 2 == 1))
    return plans


def _cycle(labels: Sequence[str]) -> list[str]:
    """Each label once, but combined edits often enough to be their share."""
    single = [label for label in labels if label != COMBINED]
    if COMBINED not in labels:
        return single
    combined = max(1, round(len(single) * _COMBINED_SHARE / (1 - _COMBINED_SHARE)))
    places = {round((number + 0.5) * len(single) / combined) for number in range(combined)}
    cycle: list[str] = []
    for place in range(len(single) + 1):
        cycle += [COMBINED] if place in places else []
        cycle += single[place : place + 1]
    return cycle


def draw_length(random: np.random.Generator) -> float:
    """Seconds of a segment, as published."""
    deviation = random.standard_normal()
    spread = _ABOVE if deviation > 0 else _BELOW
    return float(np.clip(_MEDIAN_LENGTH * np.exp(spread * deviation), _SHORTEST, _LONGEST))


def draw_speed(random: np.random.Generator) -> float:
    """Reference seconds per query second, as published."""
    if random.random() < _UNCHANGED:
        return 1.0
    return float(np.clip(np.exp(_SPEED_SPREAD * random.standard_normal()), _SLOWEST, _FASTEST))


@dataclass(frozen=True, slots=True)
class _Draw:
    random: np.random.Generator
    references: Sequence[Source]
    fillers: Sequence[Source]

    def plan(self, name: str, label: str, *, copied: bool) -> Plan:
        edits = self._edits(label)
        rate = FEW_FRAMES if "frames" in edits else RATE
        pieces = self._pieces(edits, label, rate) if copied else self._filler_pieces(edits, rate)
        seed = int(self.random.integers(1 << 31))
        return Plan(name, label, edits, tuple(pieces), seed, rate)

    def _edits(self, label: str) -> tuple[str, ...]:
        if label == "plain":
            return ()
        if label != COMBINED:
            return tuple(label.split("+"))
        families: list[tuple[str, ...]] = [
            tuple(GEOMETRY), tuple(QUALITY), tuple(OVERLAYS), ("frames",), ("mix", "pip")
        ]  # fmt: skip
        count = int(self.random.integers(2, 5))
        chosen = sorted(self.random.choice(len(families), count, replace=False).tolist())
        return tuple(str(self.random.choice(families[family])) for family in chosen)

    def _pieces(self, edits: tuple[str, ...], label: str, rate: int) -> list[Piece]:
        count = 3 if "mix" in edits else int(self.random.choice(_SEGMENT_COUNTS, p=_SEGMENT_ODDS))
        copies = self._copies(count, edits, label, rate)
        pieces: list[Piece] = []
        for place in range(len(copies) + 1):
            # Parts of a mixed cut follow one another; other segments have filler between them.
            between = 0 < place < len(copies)
            if ("mix" not in edits) if between else self.random.random() < 0.6:
                pieces.append(self._filler(rate))
            pieces += copies[place : place + 1]
        return pieces

    def _copies(self, count: int, edits: tuple[str, ...], label: str, rate: int) -> list[Piece]:
        """Segments that share no second of a reference."""
        different = min(count, len(self.references))
        order = self.random.permutation(len(self.references))[:different].tolist()
        pieces: list[Piece] = []
        for number in range(count):
            again = number > 0 and "mix" not in edits and self.random.random() < _SAME_REFERENCE
            source = pieces[-1].source if again else self.references[order[number % different]]
            piece = self._copy(source, edits, label, rate)
            if not any(_share_seconds(piece, other) for other in pieces):
                pieces.append(piece)
        return pieces

    def _copy(self, source: Source, edits: tuple[str, ...], label: str, rate: int) -> Piece:
        speed = 1.0
        if label in (COMBINED, "speed"):
            speed = draw_speed(self.random)
        elif label in FIXED_SPEEDS:
            speed = FIXED_SPEEDS[label]
        longest = (source.duration - 0.2) / speed
        length = draw_length(self.random)
        if length > longest:
            length = longest * self.random.uniform(0.6, 0.95)
        length = _whole_frames(length, rate)
        start = self.random.uniform(0, max(0.0, source.duration - 0.1 - length * speed))
        behind = self._behind(length) if "pip" in edits else None
        return Piece(source, round(float(start), 3), length, speed, behind)

    def _behind(self, length: float) -> tuple[Source, float]:
        enough = [source for source in self.fillers if source.duration > length + 0.2]
        source = _any(self.random, enough) if enough else max(self.fillers, key=lambda one: one.duration)
        return source, float(self.random.uniform(0, max(0.0, source.duration - length - 0.1)))

    def _filler_pieces(self, edits: tuple[str, ...], rate: int) -> list[Piece]:
        """As many pieces as a query with a copy has, or so: shape tells nothing."""
        pieces = [self._filler(rate) for _ in range(int(self.random.integers(1, 4)))]
        longer = self._copy(_any(self.random, self.fillers), edits, "plain", rate)
        return [*pieces, longer]

    def _filler(self, rate: int) -> Piece:
        source = _any(self.random, self.fillers)
        length = min(self.random.uniform(*_FILLER_SECONDS), source.duration * 0.9)
        length = _whole_frames(length, rate)
        start = self.random.uniform(0, max(0.0, source.duration - 0.1 - length))
        return Piece(source, round(float(start), 3), length)


def _any(random: np.random.Generator, sources: Sequence[Source]) -> Source:
    return sources[int(random.integers(len(sources)))]


def _share_seconds(one: Piece, two: Piece) -> bool:
    return one.source is two.source and one.start < two.end and two.start < one.end


def _whole_frames(length: float, rate: int) -> float:
    return max(1, int(length * rate)) / rate
