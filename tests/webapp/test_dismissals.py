"""Groups that a person has told apart: in force at once, undone without a trace, and nothing is lost."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from itertools import combinations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from tests.library import LibraryMaker
from webapp.models import (
    AuditEntry,
    Dismissal,
    DuplicateGroup,
    DuplicateMember,
    DuplicateReport,
    Media,
)
from webapp.selectors import duplicates as selector
from webapp.services import dismissals
from webapp.services.dismissals import DismissRefused, dismiss_group, restore
from webapp.services.group_rows import save_totals, write_group
from webapp.services.keeping import KeepRefused, keep_members
from webapp.services.library import trash_media

pytestmark = pytest.mark.django_db
Sets = list[set[str]]


def make_report(*groups: list[Media], relation: str = "near") -> DuplicateReport:
    report = DuplicateReport.objects.create(status=DuplicateReport.Status.DONE, finished_at=timezone.now())
    for members in groups:
        scores = {media.pk: 0.9 for media in members}
        write_group(report=report, relation=relation, members=members, scores=scores)
    save_totals(report=report)
    return report


def shown(report: DuplicateReport) -> Sets:
    found = [{member.media.path for member in group.members.all()} for group in selector.groups(report)]
    return sorted(found, key=sorted)


def pictures(library: LibraryMaker, count: int) -> list[Media]:
    return [library.picture(seed, f"{seed}.jpg", size=(64, 48)) for seed in range(1, count + 1)]


def totals(report: DuplicateReport) -> tuple[int, int]:
    report.refresh_from_db()
    return report.group_count, report.reclaimable_bytes


def test_all_pairs_of_a_group_are_remembered_with_an_audit_row(library: LibraryMaker) -> None:
    media = pictures(library, 4)
    report = make_report(media[:3], media[3:] + media[:1])
    before = totals(report)
    edda = User.objects.create_user("edda")
    group = report.groups.get(member_count=3)
    done = dismiss_group(group=group, actor=edda, note="x" * 300)
    assert (done.pairs, done.trashed) == (3, ())
    digests = sorted(one.content.sha256 for one in media[:3])
    rows = Dismissal.objects.values_list("first", "second", "actor__username", "decision")
    assert sorted(rows) == [(*pair, "edda", done.decision) for pair in combinations(digests, 2)]
    assert shown(report) == [{"1.jpg", "4.jpg"}]
    assert totals(report)[0] == 1
    entry = AuditEntry.objects.get(action="duplicates.dismiss")
    assert entry.actor == edda and entry.details["media"] == [one.pk for one in media[:3]]
    assert restore(decision=done.decision, actor=edda) == 3
    assert shown(report) == [{"1.jpg", "2.jpg", "3.jpg"}, {"1.jpg", "4.jpg"}]
    assert (totals(report), Dismissal.objects.count()) == (before, 0)
    assert AuditEntry.objects.get(action="duplicates.restore").details["pairs"] == [
        list(pair) for pair in combinations(digests, 2)
    ]
    assert restore(decision=done.decision, actor=edda) == 0
    assert AuditEntry.objects.filter(action="duplicates.restore").count() == 1


def test_the_ticked_leave_the_group_and_both_sides_stay_together(library: LibraryMaker) -> None:
    media = pictures(library, 5)
    report = make_report(media)
    [group] = selector.groups(report)
    dismiss_group(group=group, actor=None, apart=[media[0].pk, media[3].pk])
    assert Dismissal.objects.count() == 6
    assert shown(report) == [{"1.jpg", "4.jpg"}, {"2.jpg", "3.jpg", "5.jpg"}]
    part = next(one for one in selector.groups(report) if one.member_count == 3)
    assert part.best in media and part.reason and part.origin == group
    second = dismiss_group(group=part, actor=None, apart=[media[4].pk])
    assert shown(report) == [{"1.jpg", "4.jpg"}, {"2.jpg", "3.jpg"}]
    restore(decision=second.decision, actor=None)
    assert part in selector.groups(report), "an undo brings back the very same group, and its address"
    restore(ids=Dismissal.objects.values_list("pk", flat=True), actor=None)
    assert selector.groups(report) == [group]


def test_a_decision_counts_in_every_report_that_shows_the_pair(library: LibraryMaker) -> None:
    media = pictures(library, 3)
    old, new = make_report(media), make_report(media[:2])
    dismiss_group(group=new.groups.get(), actor=None)
    assert shown(new) == [] and totals(new) == (0, 0)
    assert [len(group) for group in shown(old)] == [2]


def test_what_cannot_be_dismissed_is_refused_in_words(
    library: LibraryMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    media = pictures(library, 4)
    exact = make_report([media[0], library.picture(1, "twin.jpg", size=(64, 48))], relation="exact")
    group = make_report(media).groups.get()
    everyone = [one.pk for one in media]
    refused: list[Callable[[], object]] = [
        lambda: dismiss_group(group=exact.groups.get(), actor=None),
        lambda: dismiss_group(group=group, actor=None, among=everyone[:1]),
        lambda: dismiss_group(group=group, actor=None, apart=[]),
        lambda: dismiss_group(group=group, actor=None, apart=everyone),
        lambda: dismiss_group(group=group, actor=None, apart=[10**6]),
    ]
    for attempt in refused:
        with pytest.raises(DismissRefused, match=r"\."):
            attempt()
    monkeypatch.setattr(dismissals, "MOST_PAIRS", 5)
    with pytest.raises(DismissRefused, match="These are 6 pairs"):
        dismiss_group(group=group, actor=None)
    assert not Dismissal.objects.exists() and not AuditEntry.objects.exists()
    assert dismiss_group(group=group, actor=None, apart=everyone[:1]).pairs == 3


def test_members_in_the_trash_are_left_out_unless_the_person_saw_them(library: LibraryMaker) -> None:
    media = pictures(library, 3)
    group = make_report(media).groups.get()
    trash_media(media_ids=[media[2].pk], actor=None)
    assert dismiss_group(group=group, actor=None).pairs == 1
    late = dismiss_group(group=group, actor=None, among=[one.pk for one in media])
    assert (late.pairs, late.trashed) == (2, (media[2].pk,))


@pytest.mark.parametrize("seed", range(12))
def test_any_order_of_decisions_and_undos_leaves_what_the_remembered_pairs_say(
    library: LibraryMaker, seed: int
) -> None:
    chance = random.Random(seed)
    media = pictures(library, 7)
    paths = {one.content.sha256: one.path for one in media}
    found = [media[:5], media[3:], media[1:3] + media[5:]]
    report = make_report(*found)
    whole, whole_totals = shown(report), totals(report)
    remembered: dict[frozenset[str], int] = {}  # the model: pairs of paths, each with its decision
    decisions = {}
    for step in range(12):
        current = selector.groups(report)
        if current and chance.random() < 0.6:
            group = chance.choice(current)
            members = [member.media for member in group.members.all()]
            ticked = chance.sample(members, chance.randrange(1, len(members)))
            is_all = chance.random() < 0.3
            done = dismiss_group(group=group, actor=None, apart=None if is_all else [m.pk for m in ticked])
            decisions[step] = done.decision
            rest = [one for one in members if one not in ticked]
            chosen = combinations(members, 2) if is_all else ((a, b) for a in ticked for b in rest)
            for one, two in chosen:
                remembered.setdefault(frozenset((one.path, two.path)), step)
        elif decisions:
            undone = chance.choice(list(decisions))
            restore(decision=decisions.pop(undone), actor=None)
            remembered = {pair: said for pair, said in remembered.items() if said != undone}
        check(report, found, set(remembered), paths)
    restore(ids=Dismissal.objects.values_list("pk", flat=True), actor=None)
    assert (shown(report), totals(report)) == (whole, whole_totals)


def check(
    report: DuplicateReport, found: list[list[Media]], apart: set[frozenset[str]], paths: dict[str, str]
) -> None:
    rows = Dismissal.objects.values_list("first", "second")
    assert {frozenset((paths[first], paths[second])) for first, second in rows} == apart
    groups = shown(report)
    assert not [pair for group in groups for pair in combinations(group, 2) if frozenset(pair) in apart]
    for members in found:
        names = {one.path for one in members}
        parts = [group for group in groups if group <= names]
        alone: Sets = [{name} for name in names if not any(name in part for part in parts)]
        # As large as can be: no two of the parts could be one.
        for one, two in combinations(alone, 2):
            assert one | two in apart
        if not any(frozenset(pair) in apart for pair in combinations(names, 2)):
            assert names in parts
    current = DuplicateGroup.objects.filter(report=report, is_current=True)
    spare = {
        member.media_id: member.media.content.byte_size
        for member in DuplicateMember.objects.filter(group__in=current).select_related(
            "group", "media__content"
        )
        if member.media_id != member.group.best_id
    }
    assert totals(report) == (len(current), sum(spare.values()))


def test_who_keeps_on_a_page_from_before_a_dismissal_throws_nothing_away(library: LibraryMaker) -> None:
    media = pictures(library, 3)
    group = make_report(media).groups.get()
    stale = DuplicateGroup.objects.get(pk=group.pk)
    dismiss_group(group=group, actor=None, apart=[media[2].pk])
    with pytest.raises(KeepRefused, match="not all duplicates"):
        keep_members(group=stale, keep=[media[0].pk], actor=None)
    assert Media.objects.filter(trashed_at=None).count() == 3


def together(*steps: Callable[[], object]) -> list[object]:
    """What each step returned or raised, all started at the same moment in threads of their own."""
    results: list[object] = [None] * len(steps)
    start = threading.Barrier(len(steps))

    def run(place: int) -> None:
        try:
            start.wait()
            results[place] = steps[place]()
        except (KeepRefused, DismissRefused) as refused:
            results[place] = refused
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[place]) for place in range(len(steps))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_two_who_decide_at_once_lose_nothing(library: LibraryMaker) -> None:
    media = pictures(library, 4)
    everyone = [one.pk for one in media]
    for _ in range(5):
        report = make_report(media)
        group = report.groups.get()
        kept, dismissed = together(
            lambda group=group: keep_members(group=group, keep=everyone[:1], actor=None),  # type: ignore[misc]
            lambda group=group: dismiss_group(group=group, actor=None, among=everyone),  # type: ignore[misc]
        )
        assert isinstance(dismissed, dismissals.Dismissed), "the decision that destroys nothing always counts"
        assert dismissed.pairs == Dismissal.objects.count() == 6
        trashed = set(Media.objects.exclude(trashed_at=None).values_list("pk", flat=True))
        # Either nothing went to the trash, or the other one is told what did, to bring it back.
        assert (
            trashed == set(dismissed.trashed) == (set() if isinstance(kept, KeepRefused) else {*everyone[1:]})
        )
        assert shown(report) == []
        Media.objects.update(trashed_at=None)
        Dismissal.objects.all().delete()


@pytest.mark.django_db(transaction=True)
def test_two_who_tell_different_members_apart_at_once_are_both_remembered(library: LibraryMaker) -> None:
    media = pictures(library, 4)
    for _ in range(5):
        report = make_report(media)
        group = report.groups.get()
        done = together(
            lambda group=group: dismiss_group(group=group, actor=None, apart=[media[0].pk]),  # type: ignore[misc]
            lambda group=group: dismiss_group(group=group, actor=None, apart=[media[1].pk]),  # type: ignore[misc]
        )
        assert [isinstance(one, dismissals.Dismissed) for one in done] == [True, True]
        assert Dismissal.objects.count() == 5
        assert shown(report) == [{"3.jpg", "4.jpg"}]
        assert AuditEntry.objects.filter(subject=f"group {group.pk}").count() == 2
        Dismissal.objects.all().delete()
