"""The measurement of segments as a table for people and as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from search.evaluation.segment_figures import Answer, Figure, Figures, break_down, summarise
from search.evaluation.segment_metrics import Box
from tasks.evaluation.base import Outcome

MAIN = "sightline"
COLUMNS = {
    "precision": "P",
    "recall": "R",
    "f1": "F1",
    "f1_at_0.5s": "F1@.5",
    "f1_at_1s": "F1@1",
    "f1_at_3s": "F1@3",
    "f1_at_5s": "F1@5",
    "boundary_median": "edge50",
    "boundary_p95": "edge95",
    "false_alarms": "alarms",
}


@dataclass(frozen=True, slots=True)
class Run:
    """One measurement before it is counted. ``answers``: by method, in the order of the queries."""

    seed: int
    model_key: str
    cores: int
    machine: str
    references: list[str]
    fillers: list[str]
    left_out: dict[str, str]
    reference_seconds: float
    search_seconds: list[float]
    total_seconds: float
    answers: dict[str, list[Answer]]


def outcome(run: Run) -> Outcome:
    figures = {name: _by_group(answers, run.seed) for name, answers in run.answers.items()}
    parts = {name: break_down(answers, lambda one: one.label) for name, answers in run.answers.items()}
    report = {
        "subject": "segments",
        "model_key": run.model_key,
        "machine": {"cores": run.cores, "architecture": run.machine},
        "data": _data(run),
        "speed": {
            "search_median_s": round(statistics.median(run.search_seconds), 3),
            "total_s": round(run.total_seconds, 1),
        },
        "methods": {name: _as_json(groups) for name, groups in figures.items()},
        "by_edit": {name: _as_json(one) for name, one in parts.items()},
        "queries": [_row(run, place) for place in range(len(run.answers[MAIN]))],
    }
    return Outcome(report, "\n".join([*_heading(run), "", *_methods(figures), "", *_edits(parts)]))


def _by_group(answers: Sequence[Answer], seed: int) -> dict[str, Figures]:
    groups = {"all": list(answers)}
    for name in ("single", "combined"):
        chosen = [answer for answer in answers if answer.group == name]
        if chosen and len(chosen) < len(answers):
            groups[name] = chosen
    return {name: summarise(chosen, seed=seed) for name, chosen in groups.items()}


def _as_json(figures: dict[str, Figures]) -> dict[str, Any]:
    return {name: one.as_json() for name, one in figures.items()}


def _data(run: Run) -> dict[str, Any]:
    answers = run.answers[MAIN]
    lengths = [box.query[1] - box.query[0] for answer in answers for box in answer.truth]
    return {
        "seed": run.seed,
        "references": run.references,
        "reference_seconds": round(run.reference_seconds, 1),
        "filler": run.fillers,
        "left_out": run.left_out,
        "queries": len(answers),
        "queries_without_copy": sum(not answer.truth for answer in answers),
        "true_segments": len(lengths),
        "median_segment_s": round(statistics.median(lengths), 2) if lengths else None,
    }


def _row(run: Run, place: int) -> dict[str, Any]:
    """One query: what was true, and what each method found."""
    answer = run.answers[MAIN][place]
    found = {name: [_box(box) for box in answers[place].found] for name, answers in run.answers.items()}
    return {
        "name": answer.name,
        "label": answer.label,
        "edits": list(answer.edits),
        "truth": [_box(box) for box in answer.truth],
        "found": found,
    }


def _box(box: Box) -> list[float]:
    return [box.content_id, *(round(moment, 3) for moment in box.times)]


# -- text


def _heading(run: Run) -> list[str]:
    data = _data(run)
    lines = [
        f"{data['queries']} queries ({data['queries_without_copy']} without a copy), {data['true_segments']}"
        f" true segments, against {len(run.references)} clips of {data['reference_seconds']:.0f} s in all;"
        f" {len(run.fillers)} other clips as filler; seed {run.seed}.",
        f"Model {run.model_key}, {run.cores} cores ({run.machine}). Median search"
        f" {statistics.median(run.search_seconds):.2f} s; everything {run.total_seconds:.0f} s.",
    ]
    lines += [f"Left out: {name}, which {reason}." for name, reason in run.left_out.items()]
    return lines


def _methods(figures: dict[str, dict[str, Figures]]) -> list[str]:
    lines = [_header("method", "queries")]
    for name, groups in figures.items():
        for group, one in groups.items():
            lines.append(_line(f"{name}, {group}", one))
            lines.append(" " * 38 + "".join(_interval(one.values[column]) for column in COLUMNS))
    lines.append("P, R, F1: segments as in VCSL. F1@t: all four times within t seconds. edge: error of their")
    lines.append(
        "times in seconds, median and p95. alarms: share of queries without a copy that get a segment."
    )
    lines.append("Below each figure its 95 % bootstrap interval over queries; - is undefined.")
    return lines


def _edits(parts: dict[str, dict[str, Figures]]) -> list[str]:
    lines = [_header("by edit", "queries")]
    lines += [_line(label, one) for label, one in parts[MAIN].items()]
    others = [name for name in parts if name != MAIN]
    if others:
        lines += ["", f"{'F1 by edit':24}" + "".join(f"{name:>16}" for name in parts)]
        for label in parts[MAIN]:
            cells = "".join(f"{_number(parts[name][label].values['f1'], 2):>16}" for name in parts)
            lines.append(f"{label:24}{cells}")
    return lines


def _header(first: str, second: str) -> str:
    return f"{first:24}{second:>14}" + "".join(f"{title:>11}" for title in COLUMNS.values())


def _line(name: str, figures: Figures) -> str:
    counts = f"{figures.queries - figures.without_copy}+{figures.without_copy}"
    cells = "".join(f"{_number(figures.values[column], 3):>11}" for column in COLUMNS)
    return f"{name:24}{counts:>14}{cells}"


def _number(figure: Figure, places: int) -> str:
    return "-" if figure.value is None else f"{figure.value:.{places}f}"


def _interval(figure: Figure) -> str:
    if figure.interval is None:
        return " " * 11
    low, high = figure.interval
    return f"{f'{low:.2f}-{high:.2f}':>11}"
