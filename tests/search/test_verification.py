"""Key points, geometry and pixels: what proves a copy and what does not."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageDraw, ImageFilter

from search.types import LocalFeatures, Region, UInt8Array, Verification
from search.verification import agreement, correspondences, flat, homography, local_features
from search.verification.geometric import Relation, Side, in_whole_picture, relate, verify
from tests import media

Edit = Callable[[Image.Image], Image.Image]


def pixels(picture: Image.Image) -> UInt8Array:
    return np.asarray(picture.convert("RGB"))


def grey(picture: Image.Image) -> UInt8Array:
    return np.asarray(picture.convert("L"))


def side(picture: Image.Image) -> Side:
    return Side(local_features.extract(pixels(picture), 600), lambda: grey(picture))


def related(query: Image.Image, reference: Image.Image) -> Relation | None:
    return relate(side(query), side(reference))


def mapped(verification: Verification, x: float, y: float) -> tuple[float, float]:
    matrix = np.array(verification.homography).reshape(3, 3)
    place = homography.warp(matrix, np.array([[x, y]]))[0]
    return float(place[0]), float(place[1])


def seen_from_elsewhere(picture: Image.Image) -> Image.Image:
    """Things at different depths move by different amounts when the camera moves."""
    width, height = picture.size
    depth = np.random.default_rng(4).integers(-20, 21, (6, 8, 2)).astype(np.float32)
    depth[:, :2] = 0
    shift = cv2.resize(depth, (width, height), interpolation=cv2.INTER_LINEAR)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    moved = cv2.remap(pixels(picture), columns + shift[..., 0], rows + shift[..., 1], cv2.INTER_LINEAR)
    return Image.fromarray(moved.astype(np.uint8))


class TestLocalFeatures:
    def test_points_are_fractions_and_there_are_no_more_than_asked_for(self) -> None:
        found = local_features.extract(pixels(media.picture(1)), 100)
        assert len(found) == 100
        assert found.descriptors.shape == (100, 128)
        assert found.points.min() >= 0 and found.points.max() <= 1
        assert (found.width, found.height) == (320, 240)

    def test_a_caption_does_not_take_every_place(self) -> None:
        quiet = media.picture(1).filter(ImageFilter.GaussianBlur(2))
        found = local_features.extract(pixels(media.lettered(quiet)), 120)
        above = (found.points[:, 1] < 0.6).sum()
        assert above >= 40

    def test_a_flat_picture_has_none(self) -> None:
        found = local_features.extract(pixels(media.flat()), 100)
        assert len(found) == 0
        assert found.descriptors.shape == (0, 128)

    def test_what_is_no_picture_of_bytes_is_refused(self) -> None:
        with pytest.raises(ValueError, match="bytes"):
            local_features.extract(np.zeros((4, 4, 3), np.float32), 10)

    @settings(max_examples=25, deadline=None)
    @given(st.data())
    def test_storing_and_reading_gives_the_same_features(self, data: st.DataObject) -> None:
        count = data.draw(st.integers(0, 20))
        points = data.draw(arrays.arrays(np.float32, (count, 2), elements=st.floats(0, 1, width=32)))
        descriptors = data.draw(arrays.arrays(np.uint8, (count, 128)))
        features = LocalFeatures(points, descriptors, 400, 300)
        again = local_features.from_bytes(local_features.to_bytes(features))
        np.testing.assert_allclose(again.points, points, atol=1e-5)
        np.testing.assert_array_equal(again.descriptors, descriptors)
        assert (again.width, again.height) == (400, 300)

    def test_damaged_bytes_are_refused(self) -> None:
        data = local_features.to_bytes(local_features.extract(pixels(media.picture(1)), 20))
        for damaged in (b"", b"XXXX" + data[4:], data[:-1], data + b"x"):
            with pytest.raises(ValueError, match="features"):
                local_features.from_bytes(damaged)


class TestCorrespondences:
    def test_flipped_features_are_those_of_the_flipped_picture(self) -> None:
        picture = media.picture(3)
        plain = local_features.extract(pixels(picture), 300)
        truth = local_features.extract(pixels(media.mirrored(picture)), 300)
        found = correspondences.match(correspondences.flipped(plain), truth)
        assert len(found) > 200
        distance = np.abs(
            correspondences.flipped(plain).points[found.query] - truth.points[found.reference]
        ).max(axis=1)
        assert (distance < 0.005).mean() > 0.98

    def test_matches_agree_with_brute_force(self) -> None:
        one = local_features.extract(pixels(media.picture(3)), 80)
        two = local_features.extract(pixels(media.cropped(media.picture(3))), 80)
        found = correspondences.match(one, two)
        assert len(found) > 10
        everything = np.linalg.norm(
            one.descriptors[:, None].astype(float) - two.descriptors[None].astype(float), axis=2
        )
        expected = set()
        for query in range(len(one)):
            order = np.argsort(everything[query])
            best, second = everything[query, order[:2]]
            if everything[:, order[0]].argmin() == query and best < correspondences.RATIO * second:
                expected.add((query, int(order[0])))
        assert set(zip(found.query.tolist(), found.reference.tolist(), strict=True)) == expected

    def test_too_few_points_give_no_matches(self) -> None:
        assert len(correspondences.match(local_features.empty(9, 9), local_features.empty(9, 9))) == 0


class TestHomography:
    def test_the_overlap_of_a_shifted_picture_is_what_is_left_of_it(self) -> None:
        shifted = np.array([[1, 0, 0.25], [0, 1, 0.5], [0, 0, 1]], np.float64)
        assert homography.area(homography.overlap(shifted)) == pytest.approx(0.75 * 0.5)

    def test_the_overlap_of_equal_pictures_is_everything(self) -> None:
        assert homography.area(homography.overlap(np.eye(3))) == pytest.approx(1)

    def test_nothing_overlaps_outside(self) -> None:
        away = np.array([[1, 0, 3], [0, 1, 0], [0, 0, 1]], np.float64)
        assert len(homography.overlap(away)) == 0

    @pytest.mark.parametrize(
        "matrix",
        [
            np.diag([-1.0, 1.0, 1.0]),
            np.diag([6.0, 1.0, 1.0]),
            np.diag([0.01, 0.01, 1.0]),
            np.array([[1, 0, 0], [0, 1, 0], [-0.011, 0, 1]]),
        ],
        ids=["mirrored", "sheared", "vanishing", "folded"],
    )
    def test_maps_that_no_edit_makes_are_implausible(self, matrix: np.ndarray) -> None:
        points = np.array([[0, 0], [100, 0], [100, 100], [0, 100]], np.float32)
        assert homography.plausible(np.eye(3), points)
        assert not homography.plausible(matrix.astype(np.float64), points)


class TestAgreement:
    def test_a_picture_agrees_with_itself_and_not_with_another(self) -> None:
        one, two = grey(media.picture(1)), grey(media.picture(2))
        same = agreement.measure(one, one, np.eye(3))
        other = agreement.measure(one, two, np.eye(3))
        assert same is not None and other is not None
        assert same.blocks == 1.0 and same.correlation > 0.99
        assert other.blocks < 0.1 and abs(other.correlation) < 0.4

    def test_light_and_contrast_do_not_matter(self) -> None:
        one = grey(media.picture(1))
        changed = (one * 0.5 + 90).astype(np.uint8)
        found = agreement.measure(one, changed, np.eye(3))
        assert found is not None and found.blocks > 0.95

    def test_without_an_overlap_nothing_is_measured(self) -> None:
        away = np.array([[1, 0, 3], [0, 1, 0], [0, 0, 1]], np.float64)
        assert agreement.measure(grey(media.picture(1)), grey(media.picture(1)), away) is None


EDITS: dict[str, Edit] = {
    "the same": lambda picture: picture,
    "mirrored": media.mirrored,
    "cropped": lambda picture: media.recompressed(media.cropped(picture), 40),
    "letterboxed": media.letterboxed,
    "turned by 90": media.turned,
    "turned by 15": lambda picture: media.turned(picture, 15),
    "grey": media.grey,
    "with a caption": media.lettered,
    "mirrored and turned": lambda picture: media.turned(media.mirrored(picture)),
    "stretched": lambda picture: picture.resize((320, 360)),
    "inside another": lambda picture: media.inset(picture, media.picture(99)),
}


class TestVerification:
    @pytest.mark.parametrize("name", EDITS)
    def test_an_edited_copy_is_proven(self, name: str) -> None:
        original = media.picture(7)
        relation = related(EDITS[name](original), original)
        assert relation is not None and relation.is_copy
        assert relation.verification.mirrored == name.startswith("mirrored")
        assert 0.5 < relation.verification.score <= 1

    @pytest.mark.parametrize("seed", range(6))
    def test_strangers_are_not_even_related(self, seed: int) -> None:
        assert related(media.picture(seed), media.picture(seed + 50)) is None

    def test_the_homography_maps_query_points_to_reference_points(self) -> None:
        original = media.picture(7)
        relation = related(media.cropped(original, 0.6), original)
        assert relation is not None
        assert mapped(relation.verification, 0, 0) == pytest.approx((0.2, 0.2), abs=0.01)
        assert mapped(relation.verification, 1, 1) == pytest.approx((0.8, 0.8), abs=0.01)

    def test_points_of_a_mirrored_query_are_given_as_the_query_shows_them(self) -> None:
        original = media.picture(7)
        relation = related(media.mirrored(original), original)
        assert relation is not None
        assert mapped(relation.verification, 0.1, 0.3) == pytest.approx((0.9, 0.3), abs=0.01)
        assert len(relation.verification.pairs) == 200
        for query, reference in relation.verification.pairs:
            assert query[0] == pytest.approx(1 - reference[0], abs=0.02)

    def test_a_shared_logo_is_no_copy(self) -> None:
        logo = media.picture(55, (90, 70))
        one, two = media.picture(1), media.picture(2)
        one.paste(logo, (10, 160))
        two.paste(logo, (10, 160))
        relation = related(one, two)
        assert relation is not None, "the logo itself must be found"
        assert relation.verification.inliers >= 12
        assert not relation.is_copy
        assert relation.spread < 0.15

    def test_a_shared_logo_is_no_copy_without_pixels_either(self) -> None:
        logo = media.picture(55, (90, 70))
        one, two = media.picture(1), media.picture(2)
        one.paste(logo, (10, 160))
        two.paste(logo, (10, 160))
        assert verify(side(one).features, side(two).features) is None

    def test_points_alone_prove_a_copy_where_pixels_are_missing(self) -> None:
        original = media.picture(7)
        found = verify(side(media.cropped(original, 0.8)).features, side(original).features)
        assert found is not None and found.agreement is None

    def test_another_photograph_of_the_scene_is_related_but_no_copy(self) -> None:
        original = media.picture(7)
        relation = related(seen_from_elsewhere(original), original)
        assert relation is not None, "part of the scene must still line up"
        assert relation.verification.inliers >= 12
        assert not relation.is_copy

    def test_a_third_of_the_pixels_is_enough_for_a_copy(self) -> None:
        original = media.picture(7)
        collage = media.picture(8)
        collage.paste(original.crop((0, 0, 110, 240)), (0, 0))
        relation = related(collage, original)
        assert relation is not None and relation.is_copy

    def test_evidence_of_a_region_speaks_of_the_whole_picture(self) -> None:
        original = media.picture(7)
        region = Region(0.25, 0.25, 0.5, 0.5)
        part = original.crop((80, 60, 240, 180))
        relation = related(part, original)
        assert relation is not None
        whole = in_whole_picture(relation.verification, region)
        assert mapped(whole, 0.5, 0.5) == pytest.approx((0.5, 0.5), abs=0.01)
        assert mapped(whole, 0.25, 0.25) == pytest.approx((0.25, 0.25), abs=0.01)
        for query, reference in whole.pairs[:20]:
            assert query == pytest.approx(reference, abs=0.02)


class TestFlatPictures:
    @staticmethod
    def sky(top: int = 60) -> Image.Image:
        ramp = np.linspace(top, 220, 240, dtype=np.float32)[:, None] + np.linspace(0, 25, 320)[None]
        return Image.fromarray(np.clip(ramp, 0, 255).astype(np.uint8))

    def test_a_sky_has_too_few_points_but_its_pixels_agree(self) -> None:
        one, two = self.sky(), media.recompressed(self.sky().convert("RGB"), 70)
        assert related(one.convert("RGB"), two) is None
        assert flat.same_pixels(grey(one), grey(two))

    @pytest.mark.parametrize("turns", range(4))
    def test_it_is_found_flipped_and_turned(self, turns: int) -> None:
        one = self.sky()
        ImageDraw.Draw(one).ellipse((30, 20, 90, 80), fill=250)
        turned = np.rot90(grey(one), turns)
        assert flat.same_pixels(np.ascontiguousarray(turned), grey(one))
        assert flat.same_pixels(np.ascontiguousarray(turned[:, ::-1]), grey(one))

    def test_plain_pictures_must_be_equally_bright(self) -> None:
        dark, darker = grey(media.flat((20, 20, 20))), grey(media.flat((18, 18, 18)))
        assert flat.same_pixels(dark, darker)
        assert not flat.same_pixels(dark, grey(media.flat((90, 90, 90))))

    def test_different_pictures_differ(self) -> None:
        assert not flat.same_pixels(grey(media.picture(1)), grey(media.picture(2)))
