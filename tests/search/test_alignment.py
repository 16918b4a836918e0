"""Clips on time grids: segments, speeds, repeats, and nothing where there is nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.alignment import temporal
from search.alignment.align import align
from search.alignment.grid import Track, frames_at, similarity_map
from search.types import Float32Array, FrameSequence, SegmentMatch

D = 64


def walk(seed: int, seconds: float, *, rate: float = 4.0, step: float = 0.25) -> FrameSequence:
    """A clip whose vectors wander, as those of a moving picture do. ``step``: how far per frame."""
    random = np.random.default_rng(seed)
    count = round(seconds * rate)
    vectors = np.empty((count, D))
    vectors[0] = random.normal(size=D)
    for index in range(1, count):
        vectors[index] = vectors[index - 1] + step * random.normal(size=D)
        vectors[index] /= np.linalg.norm(vectors[index]) / np.sqrt(D)
    times = np.arange(count) / rate
    return sequence(times, vectors, random.integers(0, 2**63, count).astype(np.uint64), seconds)


def sequence(
    times: np.ndarray,
    vectors: np.ndarray,
    hashes: np.ndarray,
    end: float,
) -> FrameSequence:
    normal = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return FrameSequence(
        ids=np.arange(len(times), dtype=np.int64),
        times=times.astype(np.float64),
        starts=times.astype(np.float64),
        ends=np.append(times[1:], end).astype(np.float64),
        vectors=normal.astype(np.float32),
        hashes=hashes.astype(np.uint64),
        details=np.ones(len(times), np.float32),
    )


def cut(
    whole: FrameSequence, start: float, end: float, *, speed: float = 1.0, noise: float = 0.02
) -> FrameSequence:
    """The seconds ``start..end`` played at ``speed``, with slightly changed vectors and hashes."""
    kept = (whole.times >= start) & (whole.times < end)
    vectors = whole.vectors[kept]
    changed = vectors + noise * np.random.default_rng(1).normal(size=vectors.shape)
    return sequence((whole.times[kept] - start) / speed, changed, ~whole.hashes[kept], (end - start) / speed)


def joined(*parts: FrameSequence) -> FrameSequence:
    offsets = np.cumsum([0.0, *(float(part.ends[-1]) for part in parts)])
    moved = zip(parts, offsets, strict=False)
    return sequence(
        np.concatenate([part.times + offset for part, offset in moved]),
        np.concatenate([part.vectors for part in parts]),
        np.concatenate([part.hashes for part in parts]),
        float(offsets[-1]),
    )


def track(frames: FrameSequence, weights: Float32Array | None = None) -> Track:
    ones = np.ones(len(frames), np.float32)
    return Track(frames, np.full(len(frames), 0.45, np.float32), ones if weights is None else weights)


def segments(query: FrameSequence, reference: FrameSequence) -> tuple[SegmentMatch, ...]:
    return align(track(query), track(reference), content_id=5)


def times(segment: SegmentMatch) -> tuple[float | None, ...]:
    return segment.query_start, segment.query_end, segment.reference_start, segment.reference_end


class TestSegments:
    @settings(max_examples=12, deadline=None)
    @given(start=st.floats(0, 20), length=st.floats(4, 10), seed=st.integers(0, 100))
    def test_a_cut_is_found_where_it_was_taken(self, start: float, length: float, seed: int) -> None:
        whole = walk(seed, 32)
        found = segments(cut(whole, start, start + length), whole)
        assert len(found) == 1
        assert times(found[0]) == pytest.approx((0, length, start, start + length), abs=0.4)
        assert found[0].content_id == 5 and found[0].score > 0.8 and not found[0].mirrored

    @pytest.mark.parametrize("speed", [0.7, 0.9, 1.1, 1.2, 1.6])
    def test_the_speed_is_found(self, speed: float) -> None:
        whole = walk(2, 40)
        found = segments(cut(whole, 8, 26, speed=speed), whole)
        assert len(found) == 1
        assert found[0].speed == pytest.approx(speed, rel=0.03)
        assert times(found[0]) == pytest.approx((0, 18 / speed, 8, 26), abs=0.5)

    def test_unrelated_clips_have_nothing_in_common(self) -> None:
        for seed in range(20):
            assert segments(walk(seed, 12), walk(seed + 100, 40)) == ()

    def test_pieces_between_foreign_scenes_are_found_one_by_one(self) -> None:
        whole = walk(3, 40)
        query = joined(walk(50, 5), cut(whole, 4, 10), walk(51, 5), cut(whole, 24, 32), walk(52, 4))
        found = sorted(segments(query, whole), key=lambda segment: segment.query_start or 0)
        assert len(found) == 2
        assert times(found[0]) == pytest.approx((5, 11, 4, 10), abs=0.6)
        assert times(found[1]) == pytest.approx((16, 24, 24, 32), abs=0.6)

    def test_a_scene_that_the_reference_shows_twice_is_found_twice(self) -> None:
        scene = walk(4, 6)
        reference = joined(walk(60, 4), scene, walk(61, 6), scene, walk(62, 4))
        found = sorted(segments(cut(scene, 0, 6), reference), key=lambda segment: segment.reference_start)
        assert [round(segment.reference_start) for segment in found] == [4, 16]

    def test_a_camera_that_does_not_move_is_placed_by_its_small_differences(self) -> None:
        still = walk(5, 40, step=0.02)
        closeness = still.vectors @ still.vectors.T
        assert np.median(closeness) > 0.85, "the whole clip must look alike"
        found = segments(cut(still, 12, 26, noise=0.005), still)
        assert len(found) == 1
        assert times(found[0]) == pytest.approx((0, 14, 12, 26), abs=1.0)

    def test_dropped_repeats_do_not_shift_anything(self) -> None:
        whole = walk(6, 30)
        kept = np.sort(np.random.default_rng(0).choice(len(whole), 70, replace=False))
        thin = sequence(whole.times[kept], whole.vectors[kept], whole.hashes[kept], 30)
        found = segments(cut(whole, 10, 20), thin)
        assert len(found) == 1
        assert times(found[0]) == pytest.approx((0, 10, 10, 20), abs=0.7)

    def test_hashes_alone_are_enough(self) -> None:
        whole = walk(7, 30)
        query = cut(whole, 10, 20, noise=1.0)
        assert segments(query, whole) == ()
        same_hashes = replace(query, hashes=whole.hashes[40:80])
        found = segments(same_hashes, whole)
        assert len(found) == 1
        assert times(found[0]) == pytest.approx((0, 10, 10, 20), abs=0.3)

    def test_the_mirrored_query_is_tried_beside_the_plain_one(self) -> None:
        whole = walk(8, 30)
        plain = cut(walk(9, 10), 0, 10)
        found = align(track(plain), track(whole), content_id=1, mirrored=track(cut(whole, 10, 20)))
        assert [segment.mirrored for segment in found] == [True]

    def test_frames_without_weight_prove_nothing(self) -> None:
        whole = walk(10, 30)
        query = cut(whole, 10, 20)
        dark = track(query, np.zeros(len(query), np.float32))
        assert align(dark, track(whole), content_id=1) == ()

    def test_an_empty_clip_has_no_segments(self) -> None:
        empty = sequence(np.zeros(0), np.ones((0, D)), np.zeros(0), 1)
        empty = replace(empty, ends=np.zeros(0))
        assert segments(empty, walk(1, 5)) == ()
        assert segments(walk(1, 5), empty) == ()

    def test_two_equal_moments_are_no_segment(self) -> None:
        one, two = walk(11, 20), walk(12, 20)
        vectors = two.vectors.copy()
        vectors[33] = one.vectors[20]
        assert segments(one, replace(two, vectors=vectors)) == ()


class TestGrid:
    def test_kept_frames_fill_their_intervals(self) -> None:
        frames = sequence(np.array([0.0, 1.0, 4.0]), np.eye(3, D), np.arange(3), 5.0)
        cells = frames_at(frames, 0.5)
        assert cells.tolist() == [0, 0, 1, 1, 1, 1, 1, 1, 2, 2]

    def test_long_clips_get_coarser_grids(self) -> None:
        long = walk(1, 300, rate=1.0)
        similarity = similarity_map(track(long), track(walk(2, 20)))
        assert len(similarity.query_frames) <= 400
        assert similarity.step == pytest.approx(0.75)


class TestVote:
    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 10_000))
    def test_the_best_run_is_the_best_of_all_runs(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        evidence = random.uniform(-1, 0.4, (10, 15)).astype(np.float32)
        found = temporal.best_run(evidence)
        assert found is not None
        best = {
            speed: max(
                (_sum_along(evidence, offset, speed, first, last), first - last)
                for offset in range(-20, 15)
                for first in range(10)
                for last in range(first, 10)
            )
            for speed in temporal.SPEEDS
        }
        most = max(total * min(1, speed) for speed, (total, _) in best.items())
        assert found.total == pytest.approx(best[found.speed][0], abs=1e-4)
        assert found.explained >= 0.75 * most - 1e-4
        agreement = found.total / found.length
        for speed, (total, backwards) in best.items():
            if total * min(1, speed) >= 0.75 * most + 1e-4 and speed != found.speed:
                favour = 1.02 if found.speed == 1 else 1 / 1.02 if speed == 1 else 1
                assert agreement * favour >= total / (1 - backwards) - 1e-3
        again = _sum_along(evidence, found.offset, found.speed, found.first, found.last)
        assert found.total == pytest.approx(again, abs=1e-4)

    def test_a_given_line_gives_the_same_run(self) -> None:
        evidence = np.random.default_rng(3).uniform(-1, 0.6, (20, 30)).astype(np.float32)
        found = temporal.best_run(evidence)
        assert found is not None
        again = temporal.run_on(evidence, found.offset, found.speed)
        assert again is not None
        assert (again.first, again.last) == (found.first, found.last)
        assert again.total == pytest.approx(found.total, abs=1e-4)

    def test_what_was_explained_is_not_found_again(self) -> None:
        evidence = np.full((10, 20), -1, np.float32)
        evidence[np.arange(10), np.arange(10) + 5] = 1
        found = temporal.best_run(evidence)
        assert found is not None and (found.offset, found.first, found.last) == (5, 0, 9)
        temporal.erase(evidence, found, margin=1)
        assert temporal.best_run(evidence) is None


def _sum_along(evidence: Float32Array, offset: float, speed: float, first: int, last: int) -> float:
    total = 0.0
    for cell in range(first, last + 1):
        column = int(np.floor(offset + speed * (cell + 0.5)))
        total += float(evidence[cell, column]) if 0 <= column < evidence.shape[1] else -1.0
    return total
