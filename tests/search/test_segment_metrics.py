"""Figures of segments, against values computed by hand."""

from __future__ import annotations

import pytest

from search.evaluation.segment_figures import Answer, break_down, summarise
from search.evaluation.segment_metrics import (
    Box,
    PairScore,
    boundary_errors,
    hits_within,
    pair_scores,
    union_length,
)

TRUE = Box(1, (0, 10), (100, 110))


def _only(truth: list[Box], found: list[Box]) -> tuple[float, float]:
    score = pair_scores(truth, found)[1]
    assert score.precision is not None
    assert score.recall is not None
    return score.precision, score.recall


def _answer(truth: list[Box], found: list[Box], *, label: str = "plain") -> Answer:
    return Answer("0", "single", label, (), tuple(truth), tuple(found))


def test_a_perfect_pair_scores_one_and_is_not_dropped() -> None:
    assert _only([TRUE], [TRUE]) == (1, 1)
    figures = summarise([_answer([TRUE], [TRUE])], rounds=0)
    assert figures.pairs_with_precision == figures.pairs_with_recall == 1
    assert figures.values["f1"].value == 1


def test_half_of_both_axes_is_a_quarter() -> None:
    assert _only([TRUE], [Box(1, (5, 15), (105, 115))]) == (0.25, 0.25)


def test_too_much_on_one_axis_costs_precision_only() -> None:
    assert _only([Box(1, (0, 10), (0, 8))], [Box(1, (0, 10), (0, 10))]) == pytest.approx((0.8, 1))


def test_pieces_of_a_segment_that_overlap_are_counted_once_in_recall_and_each_in_precision() -> None:
    found = [Box(1, (0, 6), (100, 106)), Box(1, (4, 8), (104, 108))]
    assert _only([TRUE], found) == pytest.approx((1, 0.64))


def test_a_superfluous_box_costs_precision_by_its_length() -> None:
    found = [TRUE, Box(1, (50, 60), (0, 10))]
    assert _only([TRUE], found) == (0.25, 1)


def test_the_right_seconds_of_the_query_at_the_wrong_place_of_the_reference_are_nothing() -> None:
    assert _only([TRUE], [Box(1, (0, 10), (0, 10))]) == (0, 0)


def test_the_wrong_clip_leaves_precision_and_recall_undefined_on_either_side() -> None:
    scores = pair_scores([TRUE], [Box(2, (0, 10), (100, 110))])
    assert scores == {1: PairScore(None, 0.0), 2: PairScore(0.0, None)}


def test_a_box_without_length_covers_nothing() -> None:
    assert _only([TRUE], [Box(1, (3, 3), (103, 103))]) == (0, 0)


def test_union_length_counts_what_is_covered_twice_once() -> None:
    assert union_length([(4, 6), (0, 5), (1, 2), (8, 9)]) == 7
    assert union_length([]) == 0


def test_a_hit_needs_the_clip_and_all_four_times() -> None:
    near = Box(1, (0.4, 10.2), (100.4, 109))
    assert [hits_within([TRUE], [near], seconds) for seconds in (0.5, 0.99, 1, 3)] == [0, 0, 1, 1]
    assert hits_within([TRUE], [Box(2, (0, 10), (100, 110))], 5) == 0


def test_one_true_segment_is_hit_once_however_often_it_is_found() -> None:
    assert hits_within([TRUE], [TRUE, Box(1, (0, 10.1), (100, 110.1))], 1) == 1


def test_boundary_errors_belong_to_the_box_that_overlaps_most() -> None:
    found = [Box(1, (9, 10), (109, 110)), Box(1, (0, 9.5), (100.25, 109.5))]
    assert boundary_errors([TRUE], found) == [(0, 0.5, 0.25, 0.5)]
    assert boundary_errors([TRUE], [Box(1, (20, 30), (100, 110))]) == []


def test_means_are_over_the_pairs_where_they_are_defined() -> None:
    missed, invented = _answer([TRUE], []), _answer([], [TRUE])
    found, quiet = _answer([TRUE], [TRUE]), _answer([], [])
    figures = summarise([missed, invented, found, quiet], rounds=0)
    values = {name: figure.value for name, figure in figures.values.items()}
    assert (figures.pairs_with_precision, figures.pairs_with_recall) == (2, 2)
    assert values["precision"] == values["recall"] == values["f1"] == 0.5
    assert values["false_alarms"] == 0.5
    assert values["f1_at_1s"] == 0.5  # one hit; two true, two found
    assert values["boundary_median"] == 0


def test_what_is_not_defined_is_said_and_is_not_zero() -> None:
    figures = summarise([_answer([TRUE], [])], rounds=10)
    assert figures.values["precision"].as_json() == {"value": None, "note": "undefined"}
    assert figures.values["recall"].value == 0
    assert figures.values["f1"].value is None
    assert figures.values["false_alarms"].value is None


def test_intervals_hold_the_value_and_repeat_with_the_seed() -> None:
    answers = [_answer([TRUE], [TRUE] if number % 3 else []) for number in range(30)]
    first, second = summarise(answers, seed=4, rounds=200), summarise(answers, seed=4, rounds=200)
    assert first == second
    interval = first.values["recall"].interval
    assert interval is not None
    assert interval[0] < 2 / 3 < interval[1]


def test_the_break_down_keeps_each_label_apart() -> None:
    parts = break_down([_answer([TRUE], [TRUE], label="crop"), _answer([TRUE], [])], lambda one: one.label)
    assert {name: part.values["recall"].value for name, part in parts.items()} == {"crop": 1, "plain": 0}
