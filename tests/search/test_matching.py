"""Searches through the real model and a real index, over pictures and clips made here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search.clustering import group
from search.config import MatchConfig, SearchConfig
from search.embedding import registry
from search.index.reader import IndexReader
from search.matching.pairs import candidate_pairs, check_pair
from search.matching.searcher import QueryDescription, Searcher
from search.types import Band, Region, SearchResult
from tests import media
from tests.search.memory_library import MemoryLibrary, timed

RATE = 4
PICTURES = range(1, 9)


@dataclass(frozen=True)
class World:
    """Pictures 1..8 (content = seed), a clip of four scenes, another clip, a clip that does not move."""

    library: MemoryLibrary
    reader: IndexReader
    clip: int
    other_clip: int
    still_clip: int

    def search(self, query: QueryDescription, **match: float) -> SearchResult:
        config = SearchConfig(match=replace(MatchConfig(), **match))  # type: ignore[arg-type]
        return Searcher(config, self.library.embedder, self.reader, self.library).search(query, _silent)

    def search_picture(self, picture: Image.Image, **more: object) -> SearchResult:
        return self.search(self.library.picture_query(picture, **more))  # type: ignore[arg-type]


def _silent(stage: str, percent: int) -> None:
    assert stage and 0 <= percent <= 100


def four_scenes() -> Iterator[np.ndarray]:
    return media.scenes([21, 22, 23, 24], 3.0, RATE)


def parked_camera(seconds: int) -> Iterator[np.ndarray]:
    """A view in which only one thing moves."""
    street = media.picture(30)
    for index in range(seconds * RATE):
        frame = street.copy()
        frame.paste(media.picture(31, (90, 90)), (index * 230 // (seconds * RATE), 120))
        yield np.asarray(frame)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    config = SearchConfig()
    library = MemoryLibrary(config, registry.load(config.model, device="cpu"))
    for seed in PICTURES:
        library.add_picture(media.picture(seed), f"label {seed}")
    clip = library.add_clip(timed(four_scenes(), rate=RATE), 12.0)
    other = library.add_clip(timed(media.scenes([41, 42], 3.0, RATE), rate=RATE), 6.0)
    still = library.add_clip(timed(parked_camera(16), rate=RATE), 16.0)
    return World(library, library.reader(tmp_path_factory.mktemp("index")), clip, other, still)


EDITS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "as it is": lambda picture: picture,
    "mirrored": media.mirrored,
    "cropped": lambda picture: media.recompressed(media.cropped(picture, 0.77), 40),
    "letterboxed": lambda picture: media.letterboxed(picture, 0.4),
    "turned": media.turned,
    "mirrored and turned": lambda picture: media.turned(media.mirrored(picture), 270),
    "grey": media.grey,
    "with a caption": media.lettered,
}


class TestSearchByPicture:
    @pytest.mark.parametrize("name", EDITS)
    def test_the_original_of_an_edited_copy_comes_first_and_alone(self, world: World, name: str) -> None:
        result = world.search_picture(EDITS[name](media.picture(3)))
        assert [match.content_id for match in result.copies] == [3]
        copy = result.copies[0]
        assert copy.band is Band.COPY and 0.5 < copy.score < 1
        assert copy.verification is not None
        assert copy.verification.mirrored == name.startswith("mirrored")
        assert result.best_score >= copy.score
        assert result.generation == world.reader.generation
        assert 3 not in [match.content_id for match in result.similar]

    def test_the_same_bytes_are_exact(self, world: World) -> None:
        result = world.search_picture(media.picture(3), content_id=3)
        assert [(match.content_id, match.band, match.score) for match in result.copies] == [
            (3, Band.EXACT, 1.0)
        ]
        assert 3 not in [match.content_id for match in result.similar]

    def test_a_stranger_matches_nothing_and_the_best_score_is_told(self, world: World) -> None:
        result = world.search_picture(media.picture(77))
        assert result.copies == () and result.segments == () and result.landmarks == ()
        assert 0 <= result.best_score < 1

    def test_what_is_in_the_trash_is_not_found(self, world: World) -> None:
        world.library.trashed.add(3)
        try:
            result = world.search_picture(media.picture(3), content_id=3)
        finally:
            world.library.trashed.clear()
        assert result.copies == ()
        assert 3 not in [match.content_id for match in result.similar]

    def test_a_region_is_searched_alone_and_shown_on_the_whole_picture(self, world: World) -> None:
        page = Image.new("RGB", (640, 480), "white")
        page.paste(media.picture(4), (0, 0))
        page.paste(media.picture(5), (320, 240))
        result = world.search_picture(page, region=Region(0.5, 0.5, 0.5, 0.5))
        assert [match.content_id for match in result.copies] == [5]
        verification = result.copies[0].verification
        assert verification is not None
        for query, reference in verification.pairs:
            assert query == pytest.approx((0.5 + reference[0] / 2, 0.5 + reference[1] / 2), abs=0.02)

    def test_a_picture_is_found_in_a_clip_with_its_moment(self, world: World) -> None:
        frame = list(media.scene(23, 3.0, RATE))[6]
        result = world.search_picture(media.recompressed(Image.fromarray(frame), 50))
        assert result.segments, "the frame comes from the clip"
        best = result.segments[0]
        assert best.content_id == world.clip
        assert best.query_start is None and best.query_end is None
        assert best.reference_start <= 6 + 6 / RATE <= best.reference_end
        assert best.reference_start >= 5.9 and best.reference_end <= 9.1
        assert result.copies == ()

    def test_similar_pictures_and_clips_come_best_first(self, world: World) -> None:
        result = world.search(world.library.picture_query(media.picture(77)), similar_score=0.0)
        scores = [match.score for match in result.similar]
        assert scores == sorted(scores, reverse=True)
        assert {match.content_id for match in result.similar} >= set(PICTURES)
        for match in result.similar:
            in_clip = match.content_id in (world.clip, world.other_clip, world.still_clip)
            assert (match.time is not None) == in_clip

    def test_the_label_of_a_verified_neighbour_is_suggested(self, world: World) -> None:
        result = world.search_picture(media.cropped(media.picture(6), 0.8))
        assert [(match.label, match.content_id) for match in result.landmarks] == [("label 6", 6)]

    def test_a_plain_picture_is_a_copy_only_of_an_equal_one(self, tmp_path: Path, world: World) -> None:
        library = MemoryLibrary(world.library.config, world.library.embedder)
        shades = np.linspace(40, 200, 240)[:, None] + np.zeros((1, 320))
        ramp = Image.fromarray(shades.astype(np.uint8)).convert("RGB")
        rising, falling = library.add_picture(ramp), library.add_picture(ramp.rotate(180))
        plain = World(library, library.reader(tmp_path), 0, 0, 0)
        result = plain.search_picture(media.recompressed(ramp, 80))
        assert rising in [match.content_id for match in result.copies]
        assert all(match.verification is None for match in result.copies)
        assert {match.content_id for match in result.copies} <= {rising, falling}

    @pytest.mark.parametrize("share", [0.35, 0.5])
    def test_a_picture_pasted_into_another_is_found(self, world: World, share: float) -> None:
        page = media.inset(media.picture(5), media.picture(88, (640, 480)), share)
        result = world.search_picture(page)
        assert [match.content_id for match in result.copies] == [5]
        verification = result.copies[0].verification
        assert verification is not None
        for query, reference in verification.pairs:
            expected = 0.1 + share * reference[0], 0.15 + share * reference[1]
            assert query == pytest.approx(expected, abs=0.02)

    def test_an_empty_library_gives_an_empty_answer(self, tmp_path: Path, world: World) -> None:
        library = MemoryLibrary(world.library.config, world.library.embedder)
        empty = World(library, library.reader(tmp_path), 0, 0, 0)
        result = empty.search_picture(media.picture(1))
        assert (result.copies, result.similar, result.best_score) == ((), (), 0.0)


class TestSearchByClip:
    def test_the_middle_of_a_clip_is_placed_in_it(self, world: World) -> None:
        part = [frame for frame in timed(four_scenes(), rate=RATE, start=4.0) if frame[0] < 5.0]
        small = [(time, picture.resize((160, 120))) for time, picture in part]
        result = world.search(world.library.clip_query(small, 5.0))
        assert [segment.content_id for segment in result.segments] == [world.clip]
        found = result.segments[0]
        assert (found.query_start, found.query_end) == pytest.approx((0, 5), abs=0.5)
        assert (found.reference_start, found.reference_end) == pytest.approx((4, 9), abs=0.5)
        assert not found.mirrored and found.speed == pytest.approx(1, abs=0.06)
        assert result.copies == ()

    def test_a_mirrored_part_is_found_and_called_mirrored(self, world: World) -> None:
        part = [frame for frame in timed(four_scenes(), rate=RATE, start=3.0) if frame[0] < 6.0]
        flipped = [(time, media.mirrored(picture)) for time, picture in part]
        result = world.search(world.library.clip_query(flipped, 6.0))
        assert [(one.content_id, one.mirrored) for one in result.segments] == [(world.clip, True)]

    def test_a_parked_camera_is_placed_too(self, world: World) -> None:
        part = [frame for frame in timed(parked_camera(16), rate=RATE, start=5.0) if frame[0] < 7.0]
        again = [(time, media.recompressed(picture, 60)) for time, picture in part]
        result = world.search(world.library.clip_query(again, 7.0))
        assert [segment.content_id for segment in result.segments] == [world.still_clip]
        assert result.segments[0].reference_start == pytest.approx(5, abs=1)
        assert result.segments[0].reference_end == pytest.approx(12, abs=1)

    def test_the_whole_clip_re_encoded_is_also_a_copy(self, world: World) -> None:
        again = [(time, media.recompressed(picture)) for time, picture in timed(four_scenes(), rate=RATE)]
        result = world.search(world.library.clip_query(again, 12.0))
        assert [(match.content_id, match.band) for match in result.copies] == [(world.clip, Band.COPY)]
        assert [segment.content_id for segment in result.segments] == [world.clip]

    def test_pieces_of_two_clips_are_told_apart(self, world: World) -> None:
        first = [frame for frame in timed(four_scenes(), rate=RATE, start=6.0) if frame[0] < 4.0]
        second = [
            (time + 4.0, picture) for time, picture in timed(media.scenes([41, 42], 3.0, RATE), rate=RATE)
        ]
        result = world.search(world.library.clip_query([*first, *second], 10.0))
        found = {segment.content_id: segment for segment in result.segments}
        assert set(found) == {world.clip, world.other_clip}
        assert found[world.clip].query_end == pytest.approx(4, abs=1.1)
        assert found[world.other_clip].query_start == pytest.approx(4, abs=1.1)

    def test_a_library_picture_that_the_clip_shows_is_a_copy(self, world: World) -> None:
        shown = timed(media.scenes([91], 2.0, RATE), rate=RATE)
        shown += [(2.0 + index, media.picture(2)) for index in range(2)]
        result = world.search(world.library.clip_query(shown, 4.0))
        assert [match.content_id for match in result.copies] == [2]
        assert result.copies[0].verification is not None
        assert result.segments == ()

    def test_a_part_turned_by_a_quarter_is_placed(self, world: World) -> None:
        part = [frame for frame in timed(four_scenes(), rate=RATE, start=3.0) if frame[0] < 6.0]
        turned = [(time, media.turned(picture)) for time, picture in part]
        result = world.search(world.library.clip_query(turned, 6.0))
        assert [one.content_id for one in result.segments] == [world.clip]
        assert result.segments[0].reference_start == pytest.approx(3, abs=0.6)
        assert result.segments[0].reference_end == pytest.approx(9, abs=0.6)

    def test_a_clip_inside_another_clip_is_placed(self, world: World) -> None:
        part = [frame for frame in timed(four_scenes(), rate=RATE, start=3.0) if frame[0] < 6.0]
        backs = [Image.fromarray(frame) for frame in media.scenes([83, 84], 3.0, RATE)]
        pasted = [
            (time, media.inset(picture, back, 0.4)) for (time, picture), back in zip(part, backs, strict=True)
        ]
        result = world.search(world.library.clip_query(pasted, 6.0))
        assert [one.content_id for one in result.segments] == [world.clip]
        assert result.segments[0].query_start == pytest.approx(0, abs=0.6)
        assert result.segments[0].reference_start == pytest.approx(3, abs=0.6)

    def test_a_foreign_clip_has_no_segments(self, world: World) -> None:
        result = world.search(
            world.library.clip_query(timed(media.scenes([81, 82, 83], 3.0, RATE), rate=RATE), 9)
        )
        assert result.segments == () and result.copies == ()

    def test_the_same_bytes_are_exact(self, world: World) -> None:
        query = world.library.clip_query(timed(four_scenes(), rate=RATE), 12.0, content_id=world.clip)
        assert [(one.content_id, one.band) for one in world.search(query).copies] == [
            (world.clip, Band.EXACT)
        ]


class TestPairs:
    def test_duplicates_are_proposed_verified_and_grouped(self, tmp_path: Path, world: World) -> None:
        library = MemoryLibrary(world.library.config, world.library.embedder)
        original = library.add_picture(media.picture(1))
        library.add_picture(media.picture(2))
        smaller = library.add_picture(media.picture(1).resize((200, 150)))
        flipped = library.add_picture(media.mirrored(media.picture(1)))
        clip = library.add_clip(timed(media.scenes([21, 22], 3.0, RATE), rate=RATE), 6.0)
        again = library.add_clip(
            [
                (time, media.recompressed(frame))
                for time, frame in timed(media.scenes([21, 22], 3.0, RATE), rate=RATE)
            ],
            6.0,
        )
        part = library.add_clip(timed(media.scene(21, 3.0, RATE), rate=RATE), 3.0)
        pairs = list(candidate_pairs(library.reader(tmp_path), library.config))
        assert all(first < second for first, second in pairs) and len(set(pairs)) == len(pairs)
        background = library.embedder.background
        verdicts = {pair: check_pair(library, library.config, background, *pair) for pair in pairs}
        copies = [(*pair, verdict.score) for pair, verdict in verdicts.items() if verdict.is_copy]
        assert group(copies) == [(original, smaller, flipped), (clip, again)]
        partial = verdicts[(clip, part)]
        assert not partial.is_copy
        assert partial.segments and partial.segments[0].reference_end == pytest.approx(3, abs=0.5)

    def test_a_picture_and_a_clip_that_shows_it_are_no_duplicates(self, world: World) -> None:
        background = world.library.embedder.background
        assert not check_pair(world.library, world.library.config, background, 1, world.clip).is_copy
