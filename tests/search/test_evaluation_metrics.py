"""The figures against values worked out by hand and against a slow definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.evaluation import metrics, predictions
from search.evaluation.predictions import NO_TRUTH, Predictions

Row = tuple[int, float, bool]


def pooled(rows: list[Row], truths: list[int]) -> Predictions:
    queries, scores, correct = (np.array(column) for column in zip(*rows, strict=True))
    return predictions.ordered(queries, scores, correct.astype(np.bool_), np.array(truths, np.int64))


# Three queries with a true pair, one without. In order of score: right, wrong, right, wrong.
BY_HAND: list[Row] = [(0, 0.9, True), (3, 0.8, False), (1, 0.7, True), (2, 0.6, False)]
TRUTHS = [5, 6, 7, NO_TRUTH]


def test_micro_ap_is_the_area_worked_out_by_hand() -> None:
    # Recall grows by a third at precision 1/1 and by a third at 2/3.
    assert metrics.micro_ap(pooled(BY_HAND, TRUTHS)) == pytest.approx((1 + 2 / 3) / 3)


def test_recall_at_a_precision_is_the_best_of_all_thresholds() -> None:
    found = pooled(BY_HAND, TRUTHS)
    assert metrics.recall_at_precision(found, 0.9) == pytest.approx(1 / 3)
    assert metrics.recall_at_precision(found, 0.6) == pytest.approx(2 / 3)
    assert metrics.threshold_at(found, 0.6) == pytest.approx(0.7)
    assert metrics.found_above(found, metrics.threshold_at(found, 0.6)).tolist() == [True, True, False, False]


def test_a_pool_that_is_never_precise_has_no_threshold() -> None:
    found = pooled([(0, 0.9, False), (0, 0.5, True)], [3])
    assert metrics.recall_at_precision(found) == 0
    assert metrics.threshold_at(found) == float("inf")
    assert not metrics.found_above(found, float("inf")).any()


def test_recall_at_1_counts_only_queries_that_have_something_to_find() -> None:
    assert metrics.recall_at_1(pooled(BY_HAND, TRUTHS)) == pytest.approx(2 / 3)


def test_equal_scores_count_against_the_method() -> None:
    found = pooled([(0, 0.5, True), (1, 0.5, False)], [0, NO_TRUTH])
    assert metrics.micro_ap(found) == pytest.approx(0.5)
    assert metrics.recall_at_1(pooled([(0, 0.5, True), (0, 0.5, False)], [0])) == 0


def test_only_the_ten_best_answers_count_and_ties_at_the_end_push_the_right_one_out() -> None:
    scores = np.array([[1.0] * 10 + [0.5, 1.0]], np.float32)
    best, correct = predictions.top(scores, np.array([11]))
    assert best.shape == (1, 10)
    assert not correct.any()
    assert predictions.top(scores + (np.arange(12) == 11), np.array([11]))[1].sum() == 1


def test_pairs_that_are_not_proposed_are_not_in_the_pool() -> None:
    scores = np.array([[0.3, -np.inf], [-np.inf, -np.inf]], np.float32)
    truths = np.array([0, 1])
    found = predictions.pool([predictions.top(scores, truths)], truths)
    assert found.queries.tolist() == [0]
    assert metrics.recall_at_1(found) == 0.5


def slow_micro_ap(rows: list[Row], truths: list[int]) -> float:
    """By thresholds instead of ranks where scores differ; wrong pairs first where they do not."""
    positives = sum(truth != NO_TRUTH for truth in truths)
    ordered = sorted(rows, key=lambda row: (-row[1], row[2]))
    area, recall = 0.0, 0.0
    for rank in range(1, len(ordered) + 1):
        hits = sum(row[2] for row in ordered[:rank])
        area += (hits / positives - recall) * hits / rank if positives else 0.0
        recall = hits / positives if positives else 0.0
    return area


def slow_recall(rows: list[Row], truths: list[int], precision: float) -> float:
    positives = sum(truth != NO_TRUTH for truth in truths)
    best = 0.0
    for threshold in {row[1] for row in rows}:
        above = [row[2] for row in rows if row[1] >= threshold]
        if sum(above) >= precision * len(above) and positives:
            best = max(best, sum(above) / positives)
    return best


@st.composite
def pools(draw: st.DrawFn) -> tuple[list[Row], list[int]]:
    truths = draw(st.lists(st.sampled_from([NO_TRUTH, 0, 1, 2]), min_size=1, max_size=8))
    rows: list[Row] = []
    for query, truth in enumerate(truths):
        scores = draw(st.lists(st.integers(0, 5), min_size=1, max_size=4))
        right = draw(st.integers(-1, len(scores) - 1)) if truth != NO_TRUTH else -1
        rows += [(query, score / 4, place == right) for place, score in enumerate(scores)]
    return rows, truths


@settings(deadline=None, max_examples=200)
@given(pools())
def test_figures_equal_their_slow_definitions(pool: tuple[list[Row], list[int]]) -> None:
    rows, truths = pool
    found = pooled(rows, truths)
    assert metrics.micro_ap(found) == pytest.approx(slow_micro_ap(rows, truths))
    for precision in (0.5, 0.9):
        assert metrics.recall_at_precision(found, precision) == pytest.approx(
            slow_recall(rows, truths, precision)
        )


def test_the_interval_is_that_of_pools_put_together_again_query_by_query() -> None:
    rows, truths = many_rows()
    figure = metrics.micro_ap_figure(pooled(rows, truths), seed=4, resamples=60)
    random = np.random.default_rng(4)
    values = []
    for _ in range(60):
        drawn = random.integers(0, len(truths), len(truths)).tolist()
        again = [(new, row[1], row[2]) for new, old in enumerate(drawn) for row in rows if row[0] == old]
        values.append(slow_micro_ap(again, [truths[old] for old in drawn]))
    assert (figure.low, figure.high) == pytest.approx(tuple(np.quantile(values, (0.025, 0.975))))
    assert figure.low < figure.value < figure.high


def many_rows() -> tuple[list[Row], list[int]]:
    random = np.random.default_rng(0)
    truths = [NO_TRUTH if number % 3 == 0 else number for number in range(30)]
    rows = [
        (
            query,
            round(float(random.random()) + (place == 0 and truth != NO_TRUTH), 1),
            place == 0 and truth >= 0,
        )
        for query, truth in enumerate(truths)
        for place in range(3)
    ]
    return rows, truths


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    found = pooled(*many_rows())
    first = metrics.recall_at_precision_figure(found, seed=1, resamples=50)
    assert first == metrics.recall_at_precision_figure(found, seed=1, resamples=50)
    assert metrics.micro_ap_figure(found, seed=1) != metrics.micro_ap_figure(found, seed=2)


def test_a_share_has_an_interval_around_it_and_none_without_queries() -> None:
    figure = metrics.share_figure(np.arange(100) < 80, seed=0)
    assert figure.value == 0.8
    assert 0.69 < figure.low < 0.76 < 0.84 < figure.high < 0.91
    assert metrics.share_figure(np.zeros(0, np.bool_), seed=0) == metrics.Figure(0.0, 0.0, 0.0)
