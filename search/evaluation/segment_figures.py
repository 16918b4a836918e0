"""From the answers to many queries to figures with intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from search.evaluation.segment_metrics import Box, boundary_errors, hits_within, pair_scores

TOLERANCES = (0.5, 1.0, 3.0, 5.0)
"""Seconds at which hits are counted, as published for the iQIYI task and one finer."""

ROUNDS = 1000

Interval: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Answer:
    """One query's truth and what one method found. ``group``: single or combined; ``label``: what it is
    counted under; ``edits``: what was done to it."""

    name: str
    group: str
    label: str
    edits: tuple[str, ...]
    truth: tuple[Box, ...]
    found: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class _Parts:
    """What one query adds to every figure, so that resampling needs no boxes."""

    precisions: tuple[float, ...]
    recalls: tuple[float, ...]
    hits: tuple[int, ...]
    true_count: int
    found_count: int
    errors: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A value, ``None`` where it is not defined, and its 95 % bootstrap interval over queries."""

    value: float | None
    interval: Interval | None = None

    def as_json(self) -> dict[str, Any]:
        """Rounded to four decimals; "undefined" is spelled out."""
        if self.value is None:
            return {"value": None, "note": "undefined"}
        interval = None if self.interval is None else [round(end, 4) for end in self.interval]
        return {"value": round(self.value, 4), "interval_95": interval}


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of one method on one set of queries. ``pairs_with_precision`` and ``pairs_with_recall``:
    over how many (query, reference) pairs the two means were taken. ``measured``: true segments that
    something overlaps, whose boundaries could be measured."""

    queries: int
    without_copy: int
    segments: int
    pairs_with_precision: int
    pairs_with_recall: int
    measured: int
    values: dict[str, Figure] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """For a report."""
        return {
            "queries": self.queries,
            "queries_without_copy": self.without_copy,
            "true_segments": self.segments,
            "pairs_with_precision": self.pairs_with_precision,
            "pairs_with_recall": self.pairs_with_recall,
            "true_segments_overlapped": self.measured,
            **{name: figure.as_json() for name, figure in self.values.items()},
        }


def summarise(answers: Sequence[Answer], *, seed: int = 0, rounds: int = ROUNDS) -> Figures:
    """All figures of ``answers``, with intervals from ``rounds`` resamplings of the queries (0 for none)."""
    parts = [_parts(answer) for answer in answers]
    return Figures(
        queries=len(parts),
        without_copy=sum(part.true_count == 0 for part in parts),
        segments=sum(part.true_count for part in parts),
        pairs_with_precision=sum(len(part.precisions) for part in parts),
        pairs_with_recall=sum(len(part.recalls) for part in parts),
        measured=sum(len(part.errors) for part in parts) // 4,
        values=_with_intervals(parts, seed=seed, rounds=rounds),
    )


def _parts(answer: Answer) -> _Parts:
    scores = pair_scores(answer.truth, answer.found).values()
    errors = boundary_errors(answer.truth, answer.found)
    return _Parts(
        precisions=tuple(score.precision for score in scores if score.precision is not None),
        recalls=tuple(score.recall for score in scores if score.recall is not None),
        hits=tuple(hits_within(answer.truth, answer.found, seconds) for seconds in TOLERANCES),
        true_count=len(answer.truth),
        found_count=len(answer.found),
        errors=tuple(error for four in errors for error in four),
    )


def _with_intervals(parts: Sequence[_Parts], *, seed: int, rounds: int) -> dict[str, Figure]:
    values = _values(parts)
    samples: dict[str, list[float]] = {name: [] for name in values}
    random = np.random.default_rng(seed)
    for _ in range(rounds if parts else 0):
        drawn = [parts[index] for index in random.integers(0, len(parts), len(parts)).tolist()]
        for name, value in _values(drawn).items():
            if value is not None:
                samples[name].append(value)
    return {name: Figure(value, _interval(samples[name])) for name, value in values.items()}


def _interval(sample: list[float]) -> Interval | None:
    if not sample:
        return None
    low, high = np.quantile(sample, [0.025, 0.975])
    return float(low), float(high)


def _values(parts: Sequence[_Parts]) -> dict[str, float | None]:
    precision = _mean([value for part in parts for value in part.precisions])
    recall = _mean([value for part in parts for value in part.recalls])
    values: dict[str, float | None] = {
        "precision": precision,
        "recall": recall,
        "f1": None if precision is None or recall is None else _harmonic(precision, recall),
    }
    for column, seconds in enumerate(TOLERANCES):
        values[f"f1_at_{seconds:g}s"] = _hit_f1(parts, column)
    errors = [error for part in parts for error in part.errors]
    values["boundary_median"] = _quantile(errors, 0.5)
    values["boundary_p95"] = _quantile(errors, 0.95)
    alarms = [float(part.found_count > 0) for part in parts if part.true_count == 0]
    values["false_alarms"] = _mean(alarms)
    return values


def _hit_f1(parts: Sequence[_Parts], column: int) -> float | None:
    """2 hits / (true + found), which is the harmonic mean of precision and recall."""
    total = sum(part.true_count + part.found_count for part in parts)
    return 2 * sum(part.hits[column] for part in parts) / total if total else None


def _harmonic(one: float, two: float) -> float:
    return 2 * one * two / (one + two) if one + two > 0 else 0.0


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _quantile(values: list[float], share: float) -> float | None:
    return float(np.quantile(values, share)) if values else None


def break_down(answers: Sequence[Answer], key: Callable[[Answer], str]) -> dict[str, Figures]:
    """Figures for each kind of query, without intervals: such parts are small."""
    groups: dict[str, list[Answer]] = {}
    for answer in answers:
        groups.setdefault(key(answer), []).append(answer)
    return {name: summarise(groups[name], rounds=0) for name in sorted(groups)}
