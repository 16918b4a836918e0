"""The evidence pages and the numbers they draw."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from tests.library import LibraryMaker
from webapp.models import Content, Frame, Match, Query
from webapp.views.timelines import MAX_FRAMES, lane

HALF = [0.5, 0.0, 0.25, 0.0, 0.5, 0.25, 0.0, 0.0, 1.0]


def evidence(**changes: Any) -> dict[str, Any]:
    return {
        "homography": HALF,
        "pairs": [[[0.2, 0.4], [0.35, 0.45]]],
        "matches": 60,
        "agreement": 0.9,
    } | changes


@pytest.mark.django_db
class TestPages:
    def query(self, library: LibraryMaker, **fields: Any) -> Query:
        return Query.objects.create(
            content=library.picture(900).content, name="q.jpg", status="done", **fields
        )

    def get(self, client: Client, match: Match) -> Any:
        return client.get(reverse("evidence", args=[match.query_id, match.pk]))

    def test_a_copy_shows_points_overlay_and_facts(self, client: Client, library: LibraryMaker) -> None:
        query = self.query(library)
        match = Match.objects.create(
            query=query, section="copy", rank=0, media=library.picture(1, "ref.jpg"), band="copy", score=0.9,
            inliers=44, mirrored=True, evidence=evidence(),
        )  # fmt: skip
        response = self.get(client, match)
        html = response.content.decode()
        assert "<strong>44</strong> points of both pictures agree" in html
        assert "out of 60 compared" in html
        assert "left to right" in html
        assert response.context["evidence_data"]["homography"] == HALF
        assert "data-overlay" in html

    def test_the_searched_region_is_marked_and_alone_laid_over(
        self, client: Client, library: LibraryMaker
    ) -> None:
        region = {"x": 0.1, "y": 0.2, "width": 0.5, "height": 0.5}
        match = Match.objects.create(
            query=self.query(library, region=region), section="copy", rank=0, media=library.picture(1),
            band="copy", score=0.9, inliers=44, evidence=evidence(),
        )  # fmt: skip
        data = self.get(client, match).context["evidence_data"]
        # The engine states both in fractions of the whole picture, so they are drawn as they are.
        assert data == {"pairs": evidence()["pairs"], "homography": HALF, "region": region}

    def test_an_exact_copy_is_laid_over_without_any_points(
        self, client: Client, library: LibraryMaker
    ) -> None:
        query = self.query(library)
        match = Match.objects.create(
            query=query, section="copy", rank=0, media=query.content.media.get(), band="exact", score=1
        )
        response = self.get(client, match)
        assert "byte for byte" in response.content.decode()
        assert response.context["evidence_data"]["homography"] == (1, 0, 0, 0, 1, 0, 0, 0, 1)
        assert response.context["evidence_data"]["pairs"] == []

    def test_a_similar_picture_claims_no_proof(self, client: Client, library: LibraryMaker) -> None:
        match = Match.objects.create(
            query=self.query(library),
            section="similar",
            rank=0,
            media=library.picture(1),
            band="similar",
            score=0.3,
        )
        html = self.get(client, match).content.decode()
        assert "Nothing proves" in html
        assert "data-overlay " not in html

    def test_evidence_can_be_leafed_through(self, client: Client, library: LibraryMaker) -> None:
        query = self.query(library)
        matches = [
            Match.objects.create(
                query=query, section="copy", rank=rank, media=library.picture(rank), band="copy", score=0.5
            )
            for rank in range(3)
        ]
        others = self.get(client, matches[1]).context["others"]
        assert (others["previous"], others["next"]) == (matches[0], matches[2])
        assert self.get(client, matches[0]).context["others"]["previous"] is None

    def test_a_match_of_another_search_is_not_found(self, client: Client, library: LibraryMaker) -> None:
        match = Match.objects.create(
            query=self.query(library),
            section="copy",
            rank=0,
            media=library.picture(1),
            band="copy",
            score=0.9,
        )
        other = Query.objects.create(content=match.query.content, name="other", status="done")
        assert client.get(reverse("evidence", args=[other.pk, match.pk])).status_code == 404

    def test_a_clip_gets_a_timeline_with_every_segment_and_a_table(
        self, client: Client, library: LibraryMaker
    ) -> None:
        query = Query.objects.create(content=library.clip(9, frames=6).content, name="q.mp4", status="done")
        reference = library.clip(5, "film.mp4", frames=30)
        segments = [
            Match.objects.create(
                query=query, section="segment", rank=rank, media=reference, band="copy", score=0.9,
                query_start=start, query_end=start + 2,
                reference_start=start + 20, reference_end=start + 22.4,
                speed=1.2, mirrored=rank == 1,
            )
            for rank, start in enumerate((6.0, 1.0))
        ]  # fmt: skip
        response = self.get(client, segments[0])
        data = response.context["timeline_data"]
        # In the reference's order of time, with the one that was opened chosen.
        assert [row["r0"] for row in data["segments"]] == [21.0, 26.0]
        assert data["chosen"] == 1
        assert data["query"]["duration"] == 12.0
        assert data["reference"]["frames"][1] == (1, 2.0, 4.0)
        assert data["reference"]["src"] == reverse("media-file", args=[reference.pk])
        html = response.content.decode()
        for words in ("0:01.0 – 0:03.0", "0:21.0 – 0:23.4", "0:06.0 – 0:08.0", "1.20×", "mirrored"):
            assert words in html

    def test_a_pictures_moments_have_a_still_lane(self, client: Client, library: LibraryMaker) -> None:
        query = self.query(library)
        match = Match.objects.create(
            query=query, section="segment", rank=0, media=library.clip(5, frames=9), band="copy", score=0.9,
            reference_start=4.0, reference_end=5.0,
        )  # fmt: skip
        data = self.get(client, match).context["timeline_data"]
        assert data["query"]["still"] is True
        assert data["segments"][0]["q0"] is None

    def test_a_clip_no_browser_plays_has_no_source(self, library: LibraryMaker) -> None:
        clip = library.clip(5)
        Content.objects.filter(pk=clip.content_id).update(mime="video/x-msvideo")
        clip.content.refresh_from_db()
        assert lane(clip.content, "/somewhere", [])["src"] == ""

    def test_a_long_clip_keeps_the_frames_near_its_matches(self, library: LibraryMaker) -> None:
        content = library.clip(5, frames=1).content
        frames = [
            Frame(content=content, position=n, time=n, start=n, end=n + 1, phash=0, detail=1)
            for n in range(1, 8000)
        ]
        Frame.objects.bulk_create(frames)
        shown = [frame[0] for frame in lane(content, "", [(4000.0, 4010.0)])["frames"]]
        assert len(shown) <= MAX_FRAMES
        assert set(range(3980, 4030)) <= set(shown)
        gaps = np.diff(shown)
        assert gaps.max() <= 2 * 8000 / MAX_FRAMES + 1
        assert shown == sorted(shown)

    def test_a_lane_holds_every_match_even_if_the_header_knew_no_duration(
        self, library: LibraryMaker
    ) -> None:
        content = library.clip(5, frames=2).content
        content.duration = None
        assert lane(content, "", [(1.0, 9.5)])["duration"] == 9.5
