"""Duplicate reports through their task, with pairs that are copies because the test says so."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command

from tasks import duplicates, runtime
from tasks.duplicates import build_report
from tests.library import LibraryMaker
from tests.said_pairs import SaidPairs, built
from webapp.models import DuplicateGroup, DuplicateReport, Media, PairCheck
from webapp.selectors import duplicates as selector
from webapp.services import duplicates as service
from webapp.services import library as entries
from webapp.services.best_copy import choose_best

pytestmark = pytest.mark.django_db
Status = DuplicateReport.Status


@pytest.fixture(autouse=True)
def pairs(monkeypatch: pytest.MonkeyPatch) -> SaidPairs:
    return SaidPairs.installed(monkeypatch)


def members(group: DuplicateGroup) -> dict[str, float]:
    return {member.media.path: member.score for member in selector.group_members(group)}


def test_exact_groups_come_from_contents_and_near_ones_from_verified_pairs(
    library: LibraryMaker, pairs: SaidPairs
) -> None:
    big = library.picture(1, "big.jpg", size=(320, 240))
    small = library.picture(2, "small.jpg", size=(160, 120))
    twin = library.picture(2, "twin.jpg", size=(160, 120))
    library.picture(3, "other.jpg")
    pairs.say(big, small, 0.8)

    report = built()

    assert report.status == Status.DONE
    assert report.finished_at is not None
    groups = {group.relation: group for group in selector.groups(report)}
    assert set(groups) == {"exact", "near"}
    assert members(groups["exact"]) == {"small.jpg": 1.0, "twin.jpg": 1.0}
    assert groups["exact"].best == small
    assert members(groups["near"]) == {"big.jpg": 0.8, "small.jpg": 0.8, "twin.jpg": 0.8}
    assert groups["near"].best == big
    assert groups["near"].reason == "It has the most pixels: 320 × 240, the next has 160 × 120."
    assert report.group_count == 2
    small_size = small.content.byte_size
    assert groups["near"].reclaimable_bytes == 2 * small_size
    assert report.reclaimable_bytes == 2 * small_size, "a file in two groups counts once"
    assert twin.content_id == small.content_id


def test_pairs_are_never_checked_twice_and_a_new_file_costs_only_its_own(
    library: LibraryMaker, pairs: SaidPairs
) -> None:
    first = [library.picture(seed) for seed in range(1, 5)]
    pairs.say(first[0], first[3])
    built()
    assert len(pairs.checked) == len(set(pairs.checked)) == 6
    late = library.picture(9)
    pairs.say(first[1], late)
    pairs.checked.clear()

    report = built()

    assert sorted(pairs.checked) == [(media.content_id, late.content_id) for media in first]
    assert {frozenset(members(group)) for group in selector.groups(report)} == {
        frozenset((first[0].path, first[3].path)), frozenset((first[1].path, late.path))
    }  # fmt: skip
    copy = PairCheck.objects.get(first=first[0].content_id, second=first[3].content_id)
    assert copy.evidence is not None
    assert (copy.is_copy, copy.inliers, copy.evidence["matches"]) == (True, 40, 55)
    stranger = PairCheck.objects.get(first=first[0].content_id, second=first[1].content_id)
    assert (stranger.is_copy, stranger.evidence) == (False, None)


class Killed(BaseException):
    """Stands for ``kill -9``: nothing in the project catches it."""


def test_a_report_that_dies_goes_on_where_it_was(
    library: LibraryMaker, pairs: SaidPairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "PAIRS_AT_ONCE", 2)
    found = [library.picture(seed) for seed in range(1, 6)]
    pairs.say(found[0], found[4])
    report = service.create_report()

    def die_at_the_seventh() -> None:
        if len(pairs.checked) == 6:
            raise Killed

    pairs.before_check = die_at_the_seventh
    with pytest.raises(Killed):
        build_report(report.pk)
    assert PairCheck.objects.count() == 6
    DuplicateReport.objects.filter(pk=report.pk).update(lease_until=None)
    pairs.before_check = lambda: None

    assert built(report).status == Status.DONE
    assert len(pairs.checked) == len(set(pairs.checked)) == 10
    assert report.group_count == 1


def test_a_report_that_makes_progress_between_deaths_is_never_given_up(
    library: LibraryMaker, pairs: SaidPairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "PAIRS_AT_ONCE", 1)
    for seed in range(1, 6):
        library.picture(seed)
    report = service.create_report()

    def die() -> None:
        if PairCheck.objects.count() > deaths:
            raise Killed

    pairs.before_check = die
    for deaths in range(6):  # noqa: B007  the closure reads it
        with pytest.raises(Killed):
            build_report(report.pk)
        DuplicateReport.objects.filter(pk=report.pk).update(lease_until=None)
    pairs.before_check = lambda: None
    assert built(report).status == Status.DONE


def test_a_cancelled_report_stops_and_keeps_its_verdicts(
    library: LibraryMaker, pairs: SaidPairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "PAIRS_AT_ONCE", 2)
    for seed in range(1, 6):
        library.picture(seed)
    report = service.create_report()
    pairs.before_check = lambda: len(pairs.checked) == 3 and service.cancel_report(report=report)

    assert built(report).status == Status.CANCELLED
    assert PairCheck.objects.count() == 4
    assert not report.groups.exists()
    build_report(report.pk)
    report.refresh_from_db()
    assert report.status == Status.CANCELLED

    waiting = service.cancel_report(report=service.create_report())
    assert waiting.status == Status.CANCELLED


def test_a_report_over_a_collection_stays_in_it(library: LibraryMaker, pairs: SaidPairs) -> None:
    inside = [library.picture(seed, collection="Lakes") for seed in (1, 2)]
    outside = library.picture(3)
    library.picture(1, "twin.jpg")
    pairs.say(inside[0], outside)
    pairs.say(inside[0], inside[1])

    report = built(service.create_report(collection=inside[0].collection))

    [group] = selector.groups(report)
    assert set(members(group)) == {entry.path for entry in inside}
    assert pairs.checked == [(inside[0].content_id, inside[1].content_id)]


def test_the_trash_is_no_part_of_a_report_even_if_it_fills_meanwhile(
    library: LibraryMaker, pairs: SaidPairs
) -> None:
    one, two, three = (library.picture(seed) for seed in (1, 2, 3))
    library.picture(3, "twin.jpg")
    entries.trash_media(media_ids=[three.pk], actor=None)
    pairs.say(one, two)
    pairs.before_check = lambda: entries.trash_media(media_ids=[two.pk], actor=None)
    report = built()
    assert (report.status, report.group_count) == (Status.DONE, 0)


def test_an_empty_library_has_an_empty_report() -> None:
    report = built()
    assert (report.status, report.group_count, selector.groups(report)) == (Status.DONE, 0, [])


def test_a_failure_is_told_in_words(
    library: LibraryMaker, pairs: SaidPairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise runtime.IndexUnavailable("The index is damaged and is being rebuilt.")

    monkeypatch.setattr(runtime, "reader", broken)
    library.picture(1)
    library.picture(2)
    report = built()
    assert (report.status, report.error) == (Status.FAILED, "The index is damaged and is being rebuilt.")


def test_groups_are_paged_by_key_without_gaps_or_repeats(library: LibraryMaker, pairs: SaidPairs) -> None:
    for seed in range(1, 8):
        library.picture(seed, size=(40 + 10 * (seed // 2), 40))
        library.picture(seed, f"twin {seed}.jpg", size=(40 + 10 * (seed // 2), 40))
    report = built()
    found: list[DuplicateGroup] = []
    after: int | None = None
    while page := selector.groups(report, after=after, limit=3):
        found += page
        after = page[-1].pk
    assert len(found) == len({group.pk for group in found}) == 7
    sizes = [group.reclaimable_bytes for group in found]
    assert sizes == sorted(sizes, reverse=True)
    assert selector.groups(report, relation="near") == []


# -- the best copy


def test_the_best_copy_is_chosen_by_the_first_rule_that_tells_copies_apart(library: LibraryMaker) -> None:
    first, second = library.picture(1), library.picture(2)

    def best(**facts: tuple[object, object]) -> tuple[Media, str]:
        defaults = {
            "width": (800, 800),
            "byte_size": (1000, 1000),
            "taken_at": (None, None),
            "duration": (None, None),
        }
        for name, values in (defaults | facts).items():
            for media, value in zip((first, second), values, strict=True):
                setattr(media.content, name, value)
        chosen = choose_best([first, second])
        assert choose_best([second, first]) == chosen
        return chosen.media, chosen.reason

    old, new = datetime(2001, 2, 3, 4, 5, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)
    assert best(width=(800, 1600), byte_size=(9000, 1000)) == (
        second, "It has the most pixels: 1600 × 120, the next has 800 × 120."
    )  # fmt: skip
    assert best(width=(800, 801), byte_size=(9000, 1000))[0] == first
    media, reason = best(byte_size=(1000, 9000), taken_at=(old, new))
    assert media == second
    assert reason.startswith("It is the least compressed: ")
    assert best(taken_at=(new, old)) == (
        second, "It has the older date: 2001-02-03 04:05, the next says 2020-01-01 00:00."
    )  # fmt: skip
    assert best(taken_at=(None, new))[0] == second
    assert best(duration=(8.0, 9.0)) == (second, "It is the longest: 9.0 s, the next has 8.0 s.")
    assert best(duration=(8.9, 9.0)) == (first, "These copies are equally good: you choose.")


# -- the command


def test_the_command_prints_groups_as_json(
    library: LibraryMaker, pairs: SaidPairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    best = library.picture(1, "a/big.jpg", size=(320, 240))
    small = library.picture(2, "b/ß small.jpg")
    library.picture(3, "c/one.jpg", size=(40, 30))
    library.picture(3, "c/two.jpg", size=(40, 30))
    pairs.say(best, small, 0.87654321)
    output = io.StringIO()

    call_command("duplicates", "--json", stdout=output)

    [line] = output.getvalue().splitlines()
    answer = json.loads(line)
    assert answer == {
        "groups": [
            {
                "relation": "near", "best": "a/big.jpg",
                "reason": "It has the most pixels: 320 × 240, the next has 160 × 120.",
                "members": [
                    {"path": "a/big.jpg", "score": 0.8765}, {"path": "b/ß small.jpg", "score": 0.8765}
                ],
            },
            {
                "relation": "exact", "best": "c/one.jpg",
                "reason": "All files are the same bytes; this one came into the library first.",
                "members": [{"path": "c/one.jpg", "score": 1.0}, {"path": "c/two.jpg", "score": 1.0}],
            },
        ]
    }  # fmt: skip


def test_the_command_speaks_plainly_without_json(library: LibraryMaker) -> None:
    output = io.StringIO()
    call_command("duplicates", stdout=output)
    assert "No duplicates were found." in output.getvalue()
    library.picture(1, "one.jpg")
    library.picture(1, "two.jpg")
    output = io.StringIO()
    call_command("duplicates", stdout=output)
    assert "* 1.00  one.jpg" in output.getvalue()
    with pytest.raises(CommandError, match="no collection called"):
        call_command("duplicates", "--collection", "Lakes")


def test_the_verdict_on_a_file_that_is_deleted_meanwhile_is_left_out(library: LibraryMaker) -> None:
    first, second = library.picture(1).content_id, library.picture(2).content_id
    verdict = service.CheckedPair(first, second, False, 0.0, 0, None)
    gone = service.CheckedPair(second, 10**6, False, 0.0, 0, None)

    service.save_pairs(model_key="m", pairs=iter([verdict, gone]))

    assert list(PairCheck.objects.values_list("first_id", "second_id")) == [(first, second)]
