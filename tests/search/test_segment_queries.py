"""Edited queries are what their plan says, to a frame."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from search.evaluation.clip_edits import PICTURE_EDITS
from search.evaluation.clip_plans import (
    COMBINED,
    SINGLE_EDITS,
    Piece,
    Plan,
    Source,
    draw_length,
    draw_plans,
    draw_speed,
)
from search.evaluation.clip_render import probe, render, shown, upright
from search.evaluation.related_clips import split_related
from search.evaluation.segment_baselines import fixed_offset, vpdq_like
from search.types import Float64Array, FrameSequence, UInt64Array
from tests import media

REFERENCES = [Source(Path(f"r{number}"), number, 20.0 + number, 1.6) for number in (1, 2, 3)]
FILLERS = [Source(Path(f"f{number}"), None, 12.0, 1.3) for number in (1, 2)]


def _draw(**more: object) -> list[Plan]:
    return draw_plans(REFERENCES, FILLERS, **{"queries": 120, "seed": 5, **more})  # type: ignore[arg-type]


def test_the_same_seed_draws_the_same_queries_and_another_seed_others() -> None:
    assert _draw() == _draw()
    assert _draw() != _draw(seed=6)


def test_half_of_the_queries_hold_no_copy_and_the_edits_are_the_same_in_both_halves() -> None:
    plans = _draw()
    copied = [plan for plan in plans if plan.truth]
    assert len(copied) == 60
    assert sorted(plan.label for plan in copied) == sorted(plan.label for plan in plans if not plan.truth)
    assert {plan.label for plan in copied} == {*SINGLE_EDITS, COMBINED}
    assert 0.2 < sum(plan.group == COMBINED for plan in plans) / len(plans) < 0.4


def test_truth_lies_inside_the_sources_and_claims_no_second_of_a_reference_twice() -> None:
    for plan in _draw(queries=300):
        length = sum(piece.length for piece in plan.pieces)
        for number, box in enumerate(plan.truth):
            assert 0 <= box.query[0] < box.query[1] <= length + 1e-6
            assert 0 <= box.reference[0] < box.reference[1] <= 20.0 + box.content_id
            for other in plan.truth[:number]:
                apart = box.reference[0] >= other.reference[1] or other.reference[0] >= box.reference[1]
                assert apart or box.content_id != other.content_id


def test_edits_on_their_own_leave_the_speed_alone() -> None:
    for plan in _draw():
        speeds = {piece.speed for piece in plan.pieces if piece.source.content_id}
        expected = {"slow": {0.8}, "fast": {1.25}}.get(plan.label, {1.0})
        if plan.truth and plan.label not in (COMBINED, "speed"):
            assert speeds == expected
        if plan.truth and plan.label == "mix":
            assert len({box.content_id for box in plan.truth}) == 3


def test_lengths_and_speeds_are_as_published() -> None:
    random = np.random.default_rng(0)
    lengths = [draw_length(random) for _ in range(4000)]
    assert np.quantile(lengths, [0.05, 0.5, 0.95]) == pytest.approx([4.7, 9.8, 28], rel=0.07)
    speeds = np.array([draw_speed(random) for _ in range(4000)])
    assert np.quantile(speeds, [0.01, 0.99]) == pytest.approx([0.61, 1.48], abs=0.06)
    assert 0.4 < (np.abs(speeds - 1) < 0.05).mean() < 0.5


def test_unknown_edits_and_empty_sides_are_refused() -> None:
    with pytest.raises(ValueError, match="swirl"):
        _draw(labels=["swirl"])
    with pytest.raises(ValueError, match="At least one clip"):
        draw_plans(REFERENCES, [], queries=2, seed=0)


def _numbered(count: int) -> Iterator[media.Pixels]:
    """Frames whose number can be read from 8 black or white fields."""
    for number in range(count):
        bits = [255 * (number >> bit & 1) for bit in range(8)]
        fields = np.repeat(np.array(bits, np.uint8).reshape(2, 4), 40, axis=0).repeat(40, axis=1)
        yield np.repeat(fields[..., None], 3, axis=2)


def _number(picture: media.Pixels) -> int:
    height, width = picture.shape[:2]
    fields = [picture[height * (2 * row + 1) // 4, width * (2 * column + 1) // 8, 0] > 128
              for row in range(2) for column in range(4)]  # fmt: skip
    return sum(int(field) << bit for bit, field in enumerate(fields))


def test_every_frame_of_a_query_shows_the_moment_that_the_truth_says(tmp_path: Path) -> None:
    reference = media.write_clip(tmp_path / "r.mp4", _numbered(100), rate=20)
    filler = media.write_clip(tmp_path / "f.mp4", _numbered(40), rate=20)
    source, other = probe(reference, 1), probe(filler, None)
    assert source.duration == pytest.approx(5.0)
    assert source.aspect == 2.0
    pieces = (Piece(other, 0.5, 0.4), Piece(source, 1.3, 2.0, 1.25))
    plan = Plan("0", "fast", ("fast",), pieces, seed=0, rate=25)
    assert [box.content_id for box in plan.truth] == [1]
    assert plan.truth[0].times == pytest.approx((0.4, 2.4, 1.3, 3.8))
    render(plan, tmp_path / "q.mp4")
    frames = [(moment, _number(upright(frame))) for moment, frame in shown(tmp_path / "q.mp4")]
    assert len(frames) == 60
    for moment, number in frames:
        away = moment - 0.4
        source_moment = 0.5 + moment if away < -1e-6 else 1.3 + 1.25 * max(0.0, away)
        assert number == int((source_moment + 1e-6) * 20)


def test_a_clip_that_players_turn_is_turned(tmp_path: Path) -> None:
    clip = media.write_clip(tmp_path / "c.mp4", list(media.scene(3, 0.5, size=(160, 96))))
    media.rotate_mp4(clip, 90)
    expected = np.rot90(next(media.scene(3, 0.5, size=(160, 96))), -1)
    _, frame = next(shown(clip))
    assert upright(frame).shape == expected.shape
    assert np.abs(upright(frame).astype(int) - expected).mean() < 12
    assert probe(clip, 1).aspect == pytest.approx(96 / 160)


@pytest.mark.parametrize("name", sorted(PICTURE_EDITS))
def test_every_edit_changes_the_picture_and_keeps_one_size(name: str) -> None:
    frames = list(media.scene(1, 0.4, size=(240, 136)))
    edit = PICTURE_EDITS[name](np.random.default_rng(2))
    edited = [edit(frame.copy(), number / 10) for number, frame in enumerate(frames)]
    assert len({one.shape for one in edited}) == 1
    assert all(one.dtype == np.uint8 for one in edited)
    assert edited[0].shape != frames[0].shape or np.abs(edited[0].astype(int) - frames[0]).mean() > 0.5


def test_a_picture_in_picture_has_the_promised_width(tmp_path: Path) -> None:
    white = media.write_clip(tmp_path / "w.mp4", [np.full((90, 160, 3), 255, np.uint8)] * 10)
    black = media.write_clip(tmp_path / "b.mp4", [np.zeros((90, 160, 3), np.uint8)] * 10)
    piece = Piece(probe(white, 1), 0.0, 0.4, 1.0, (probe(black, None), 0.0))
    render(Plan("0", "pip", ("pip",), (piece,), seed=1, rate=25), tmp_path / "q.mp4")
    _, frame = next(shown(tmp_path / "q.mp4"))
    bright = upright(frame)[..., 0] > 128
    assert bright.any(axis=0).mean() == pytest.approx(0.4, abs=0.02)
    assert bright.any(axis=1).mean() == pytest.approx(0.4, abs=0.02)


def test_clips_with_the_same_footage_are_told_apart_from_strangers(tmp_path: Path) -> None:
    footage, stranger = list(media.scenes([1, 2, 3], 1.0)), list(media.scenes([7, 8, 9], 1.0))
    screen = [np.hstack([frame, np.full_like(frame, 200)]) for frame in footage]
    paths = [
        media.write_clip(tmp_path / name, frames)
        for name, frames in (("a.mp4", footage), ("b.mp4", stranger), ("c.mp4", screen))
    ]
    assert split_related(paths) == (paths[:2], {paths[2]: paths[0]})


def _sequence(hashes: UInt64Array) -> FrameSequence:
    count = len(hashes)
    starts: Float64Array = np.arange(count, dtype=np.float64) * 0.25
    return FrameSequence(
        ids=np.arange(count), times=starts, starts=starts, ends=starts + 0.25,
        vectors=np.zeros((count, 1), np.float32), hashes=hashes, details=np.ones(count, np.float32),
    )  # fmt: skip


@pytest.mark.parametrize("method", [fixed_offset, vpdq_like])
def test_baselines_find_a_plain_part_and_nothing_in_strangers(method: object) -> None:
    assert callable(method)
    random = np.random.default_rng(1)
    hashes = random.integers(0, 1 << 63, 240, dtype=np.uint64)
    other = random.integers(0, 1 << 63, 80, dtype=np.uint64)
    query = _sequence(np.concatenate([other[:20], hashes[80:120], other[20:40]]))
    found = method(query, {4: _sequence(hashes), 5: _sequence(other[40:])})
    assert [box.content_id for box in found] == [4]
    assert found[0].times == pytest.approx((5, 15, 20, 30), abs=1.0)


def test_fixed_offset_voting_is_exact_to_its_grid() -> None:
    hashes = np.random.default_rng(2).integers(0, 1 << 63, 200, dtype=np.uint64)
    found = fixed_offset(_sequence(hashes[60:100]), {1: _sequence(hashes)})
    assert [box.times for box in found] == [pytest.approx((0, 10, 15, 25))]
