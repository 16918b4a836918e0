"""The strategies that choose frames, on made-up glimpses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise

import numpy as np
import pytest

from search.config import KeyframeConfig
from search.keyframes.base import Glimpse, KeyframeStrategy
from search.keyframes.codec import CodecStrategy
from search.keyframes.mixture import MixtureStrategy, mean_difference
from search.keyframes.registry import make_strategy, strategy_names
from search.keyframes.shot import ShotStrategy
from search.keyframes.uniform import UniformStrategy
from search.types import UInt8Array
from tests import media


def grey(seed: int, shift: int = 0) -> UInt8Array:
    picture = media.picture(seed, (64, 64)).convert("L").resize((32, 32))
    return np.roll(np.asarray(picture), shift, axis=1)


def kept(strategy: KeyframeStrategy, glimpses: Iterable[Glimpse]) -> list[float]:
    return [round(glimpse.time, 3) for glimpse in glimpses if strategy.keep(glimpse)]


def glimpse(time: float, picture: UInt8Array, key: bool = False) -> Glimpse:
    return Glimpse(time, key, lambda: picture)


def unseen() -> UInt8Array:
    raise AssertionError("this strategy needs no pixels")


@pytest.mark.parametrize("name", strategy_names())
class TestEveryStrategy:
    """What callers may rely on, whichever strategy is configured."""

    def strategy(self, name: str) -> KeyframeStrategy:
        return make_strategy(KeyframeConfig(strategy=name), 10.0)

    def test_keeps_the_first_frame(self, name: str) -> None:
        assert kept(self.strategy(name), [glimpse(3.21, grey(1))]) == [3.21]

    def test_does_not_depend_on_another_clip_seen_before(self, name: str) -> None:
        clip = [glimpse(n / 10, grey(n // 10), key=n % 7 == 0) for n in range(40)]
        assert kept(self.strategy(name), clip) == kept(self.strategy(name), clip) != []


def test_an_unknown_strategy_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'random'"):
        make_strategy(KeyframeConfig(strategy="random"), 1.0)


def test_uniform_keeps_one_frame_a_grid_cell_and_does_not_drift() -> None:
    rate = 30000 / 1001
    times = [n / rate for n in range(int(600 * rate))]
    found = kept(UniformStrategy(2.0), [Glimpse(t, False, unseen) for t in times])
    assert len(found) == 1200
    assert max(abs(time - n / 2) for n, time in enumerate(found)) < 1 / rate


def test_uniform_follows_the_timestamps_of_a_variable_frame_rate() -> None:
    times = [0.0, 0.04, 0.9, 0.95, 1.0, 4.2, 4.24, 4.5]
    assert kept(UniformStrategy(2.0), [Glimpse(t, False, unseen) for t in times]) == [0.0, 0.9, 1.0, 4.2, 4.5]


def test_uniform_forgives_timestamps_rounded_to_milliseconds() -> None:
    times = [round(n / 3, 3) for n in range(10)]  # 0.333 lies just before the grid line at 1/3
    assert len(kept(UniformStrategy(3.0), [Glimpse(t, False, unseen) for t in times])) == 10


def test_uniform_refuses_a_rate_of_nothing() -> None:
    with pytest.raises(ValueError, match="positive"):
        UniformStrategy(0)


def test_codec_keeps_flagged_frames_without_looking_at_pixels() -> None:
    clip = [Glimpse(n / 10, n % 12 == 5, unseen) for n in range(30)]
    assert kept(CodecStrategy(), clip) == [0.0, 0.5, 1.7, 2.9]


def test_shot_finds_the_first_frame_of_each_scene_and_nothing_in_a_pan() -> None:
    clip = [glimpse(n / 10, grey(n // 20, shift=n % 20 // 4)) for n in range(80)]
    assert kept(ShotStrategy(0.35), clip) == [0.0, 2.0, 4.0, 6.0]


def test_a_strobing_light_is_not_a_shot_a_frame() -> None:
    dark, light = np.zeros((32, 32), np.uint8), np.full((32, 32), 250, np.uint8)
    clip = [glimpse(n / 10, (dark, light)[n % 2]) for n in range(100)]
    assert len(kept(ShotStrategy(0.35), clip)) < 10


def mixture(max_interval: float = 5.0) -> KeyframeStrategy:
    return make_strategy(KeyframeConfig(short_rate=4.0, max_interval=max_interval), 20.0)


def test_mixture_takes_the_grid_and_the_cut_between_two_grid_lines() -> None:
    clip = [glimpse(n / 20, grey(1 if n < 13 else 2, shift=n % 32)) for n in range(20)]
    assert kept(mixture(), clip) == [0.0, 0.25, 0.5, 0.65, 0.75]


def test_mixture_keeps_a_still_talk_once_an_interval() -> None:
    clip = [glimpse(n / 10, grey(1)) for n in range(200)]
    assert kept(mixture(), clip) == [0.0, 5.0, 10.0, 15.0]


def test_mixture_lets_a_slow_fade_add_up() -> None:
    picture = grey(1).astype(np.float32)
    clip = [glimpse(n / 10, (picture * (1 - n / 200)).astype(np.uint8)) for n in range(100)]
    found = kept(mixture(max_interval=1000.0), clip)
    assert 5 < len(found) < 40
    pictures = {round(g.time, 3): g.grey for g in clip}
    for before, after in pairwise(found):
        assert mean_difference(pictures[before], pictures[after]) >= 0.008


def test_no_frame_left_out_by_mixture_differs_from_the_kept_one_before_it() -> None:
    random = np.random.default_rng(3)
    clip = [glimpse(n / 4, grey(int(random.integers(3)), int(random.integers(2)))) for n in range(120)]
    strategy = MixtureStrategy(UniformStrategy(4.0), same_difference=0.008, max_interval=3.0)
    last: Glimpse | None = None
    left_out = 0
    for each in clip:
        if strategy.keep(each):
            last = each
            continue
        left_out += 1
        assert last is not None
        assert mean_difference(last.grey, each.grey) < 0.008
        assert each.time - last.time < 3.0
    assert left_out > 5


@pytest.mark.parametrize(("duration", "count"), [(20.0, 80), (61.0, 122)])
def test_long_clips_are_sampled_less_often(duration: float, count: int) -> None:
    config = KeyframeConfig(strategy="uniform", short_seconds=60.0, short_rate=4.0, rate=2.0)
    times = np.arange(0, duration, 0.05)
    make: Callable[[float], Glimpse] = lambda t: Glimpse(float(t), False, unseen)  # noqa: E731
    assert len(kept(make_strategy(config, duration), [make(t) for t in times])) == count
