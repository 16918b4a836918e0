"""Duplicate reports through the pages: asking, browsing, and keeping the best without losing everything."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.library import LibraryMaker
from tests.sent_tasks import SentTasks
from webapp.models import (
    AuditEntry,
    Collection,
    DuplicateGroup,
    DuplicateMember,
    DuplicateReport,
    Media,
    PairCheck,
)

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def report() -> DuplicateReport:
    return DuplicateReport.objects.create(status=DuplicateReport.Status.DONE, finished_at=timezone.now())


def make_group(
    report: DuplicateReport, members: list[Media], *, relation: str = "near", size: int = 1000
) -> DuplicateGroup:
    group = DuplicateGroup.objects.create(
        report=report, relation=relation, best=members[0], reason="It has the most pixels.",
        member_count=len(members), reclaimable_bytes=size, score=0.9,
    )  # fmt: skip
    for n, media in enumerate(members):
        DuplicateMember.objects.create(group=group, media=media, score=1 - n / 100)
    report.group_count += 1
    report.reclaimable_bytes += size
    report.save()
    return group


@pytest.fixture
def group(report: DuplicateReport, library: LibraryMaker) -> DuplicateGroup:
    return make_group(report, [library.picture(n, f"pictures/{n}.jpg") for n in (1, 2, 3)])


def live_paths() -> list[str]:
    return sorted(Media.objects.filter(trashed_at=None).values_list("path", flat=True))


def test_a_report_is_asked_for_once_and_watched(editor: Client, sent_tasks: SentTasks) -> None:
    assert "No report yet" in editor.get(reverse("duplicates")).content.decode()
    pets = Collection.objects.create(name="Pets")
    with sent_tasks.committing():
        answer = editor.post(reverse("duplicates-create"), {"collection": pets.pk})
    report = DuplicateReport.objects.get()
    assert report.collection == pets
    assert answer["Location"] == reverse("duplicate-report", args=[report.pk])
    assert [(sent.name, sent.args) for sent in sent_tasks] == [
        ("tasks.duplicates.build_report", (report.pk,))
    ]
    page = editor.get(answer["Location"]).content.decode()
    assert "Waiting for a worker" in page and 'hx-trigger="every 1s"' in page
    editor.post(reverse("duplicates-create"), {"collection": pets.pk})
    assert DuplicateReport.objects.count() == 1
    assert editor.post(reverse("duplicates-create"), {"collection": "x"}).status_code == 422


def test_progress_is_sent_only_when_it_changed_and_the_end_shows_the_groups(
    editor: Client, report: DuplicateReport
) -> None:
    DuplicateReport.objects.update(status="running", stage="Comparing pairs", progress=40)
    address = reverse("duplicate-report", args=[report.pk])
    headers = HTMX | {"HX-Target": "report-progress"}
    panel = editor.get(address, headers=headers).content.decode()
    assert "Comparing pairs" in panel and 'aria-valuenow="40"' in panel and "<html" not in panel
    again = panel.split('hx-get="')[1].split('"')[0]
    assert editor.get(again, headers=headers).status_code == 204
    DuplicateReport.objects.update(status="done")
    assert editor.get(again, headers=headers)["HX-Refresh"] == "true"


def test_a_report_is_cancelled(editor: Client, report: DuplicateReport) -> None:
    DuplicateReport.objects.update(status="running")
    page = editor.post(reverse("duplicate-report", args=[report.pk]), follow=True).content.decode()
    assert "Stopping…" in page
    report.refresh_from_db()
    assert report.cancel_requested


def test_groups_come_with_relation_reason_bytes_and_members(
    editor: Client, report: DuplicateReport, library: LibraryMaker
) -> None:
    make_group(report, [library.picture(n, f"near/{n}.jpg") for n in (1, 2)], size=5_000_000)
    make_group(report, [library.picture(3, f"exact/{n}.jpg") for n in (1, 2, 3)], relation="exact", size=10)
    page = editor.get(reverse("duplicate-report", args=[report.pk])).content.decode()
    cards = page.split('class="card group')[1:]
    assert ["Edited copies" in card for card in cards] == [True, False]
    assert ["Same file" in card for card in cards] == [False, True]
    assert "frees 4.8" in page and "It has the most pixels." in page and "3 copies" in page
    assert page.count('loading="lazy"') == 5
    exact = editor.get(f"{reverse('duplicate-report', args=[report.pk])}?relation=exact").content.decode()
    assert "3 copies" in exact and exact.count('loading="lazy"') == 3


def test_a_large_group_shows_twelve_and_drills_down(
    editor: Client, report: DuplicateReport, library: LibraryMaker
) -> None:
    first = library.picture(1, "many/000.jpg")
    many = [
        first,
        *(Media.objects.create(content=first.content, path=f"many/{n:03}.jpg") for n in range(1, 60)),
    ]
    group = make_group(report, many, relation="exact")
    page = editor.get(reverse("duplicate-report", args=[report.pk])).content.decode()
    assert page.count('loading="lazy"') == 12 and "+48" in page and "60 copies" in page
    first_page = editor.get(reverse("duplicate-group", args=[group.pk])).content.decode()
    assert first_page.count('name="keep"') == 48 and "?start=48" in first_page
    assert "the rest of this page" in first_page
    second = editor.get(f"{reverse('duplicate-group', args=[group.pk])}?start=48").content.decode()
    assert second.count('name="keep"') == 12


def test_pages_of_groups_cover_each_once_in_order(
    editor: Client, report: DuplicateReport, library: LibraryMaker
) -> None:
    pair = [library.picture(1), library.picture(2)]
    groups = [make_group(report, pair, size=n % 7) for n in range(60)]
    expected = [group.pk for group in sorted(groups, key=lambda group: (-group.reclaimable_bytes, -group.pk))]
    found: list[int] = []
    address = reverse("duplicate-report", args=[report.pk])
    while address:
        page = editor.get(address, headers=HTMX | {"HX-Target": "more"}).content.decode()
        assert "<html" not in page
        found += [int(part.split("/")[0]) for part in page.split('href="/duplicates/groups/')[1:]]
        address = page.split('hx-get="')[1].split('"')[0] if "hx-get" in page else ""
    assert found == expected


def test_the_number_of_questions_does_not_grow_with_groups_and_members(
    editor: Client, report: DuplicateReport, library: LibraryMaker
) -> None:
    def questions(address: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert editor.get(address).status_code == 200
        return len(captured)

    group = make_group(report, [library.picture(1), library.picture(2)])
    addresses = [reverse("duplicate-report", args=[report.pk]), reverse("duplicate-group", args=[group.pk])]
    few = [questions(address) for address in addresses]
    for n in range(3, 12):
        media = library.picture(n, labels=[f"label {n}"], collection=f"C{n}")
        DuplicateMember.objects.create(group=group, media=media, score=0.5)
        make_group(report, [media, library.picture(n + 100)])
    assert [questions(address) for address in addresses] == few
    assert max(few) <= 14


def test_the_group_page_compares_facts_and_explains(editor: Client, group: DuplicateGroup) -> None:
    first, second = (member.media.content_id for member in group.members.all()[:2])
    PairCheck.objects.create(
        first_id=first, second_id=second, model_key="m@1", is_copy=True, score=0.9, inliers=87
    )
    page = editor.get(reverse("duplicate-group", args=[group.pk])).content.decode()
    assert page.count("160 × 120") == 3
    assert "Best copy." in page and "It has the most pixels." in page
    assert "99 % sure: 87 points agree with the best copy." in page
    assert page.count("checked") == 1


def test_keeping_the_best_trashes_the_others_and_can_be_undone(editor: Client, group: DuplicateGroup) -> None:
    answer = editor.post(reverse("duplicate-keep", args=[group.pk]), {"action": "best"}, follow=True)
    assert live_paths() == ["pictures/1.jpg"]
    page = answer.content.decode()
    assert "2 copies are in the trash." in page and "Settled" in page
    entry = AuditEntry.objects.get(action="duplicates.keep")
    assert entry.actor is not None and entry.actor.get_username() == "edda"
    assert entry.details["kept"] == [group.best_id] and len(entry.details["trashed"]) == 2
    ids = [part.split('"')[0] for part in page.split('name="media" value="')[1:]]
    restore = page.split('class="undo"')[1].split('action="')[1].split('"')[0]
    editor.post(restore, {"media": ids})
    assert len(live_paths()) == 3


def test_keeping_the_selected_trashes_the_rest(editor: Client, group: DuplicateGroup) -> None:
    ids = list(group.members.values_list("media", flat=True))
    editor.post(
        reverse("duplicate-keep", args=[group.pk]), {"action": "selected", "keep": ids[1:], "shown": ids}
    )
    assert live_paths() == ["pictures/2.jpg", "pictures/3.jpg"]


def test_a_member_that_was_not_shown_is_never_trashed(editor: Client, group: DuplicateGroup) -> None:
    ids = list(group.members.values_list("media", flat=True))
    editor.post(
        reverse("duplicate-keep", args=[group.pk]), {"action": "selected", "keep": ids[0], "shown": ids[:2]}
    )
    assert live_paths() == ["pictures/1.jpg", "pictures/3.jpg"]


def test_nobody_trashes_all_members(editor: Client, group: DuplicateGroup, library: LibraryMaker) -> None:
    address = reverse("duplicate-keep", args=[group.pk])
    ids = list(group.members.values_list("media", flat=True))
    outsider = library.picture(9, "outside.jpg")
    none = editor.post(address, {"action": "selected", "shown": ids})
    assert none.status_code == 422 and "Choose at least one to keep" in none.content.decode()
    strange = editor.post(address, {"action": "selected", "keep": outsider.pk, "shown": ids}, follow=True)
    assert "Nothing was changed." in strange.content.decode()
    assert editor.post(address, {"action": "selected", "keep": "x", "shown": ids}).status_code == 422
    assert editor.post(address, {"action": "all"}).status_code == 422
    assert len(live_paths()) == 4


def test_two_editors_who_keep_opposite_copies_do_not_lose_both(editor: Client, group: DuplicateGroup) -> None:
    ids = list(group.members.values_list("media", flat=True))
    address = reverse("duplicate-keep", args=[group.pk])
    editor.post(address, {"action": "selected", "keep": ids[0], "shown": ids})
    late = editor.post(address, {"action": "selected", "keep": ids[2], "shown": ids}, follow=True)
    assert "is not in the library any more" in late.content.decode()
    assert live_paths() == ["pictures/1.jpg"]


def test_after_a_group_the_next_open_one_follows(
    editor: Client, report: DuplicateReport, library: LibraryMaker
) -> None:
    groups = [
        make_group(
            report, [library.picture(n, f"{n}/a.jpg"), library.picture(n + 10, f"{n}/b.jpg")], size=100 - n
        )
        for n in range(3)
    ]
    Media.objects.filter(path="1/b.jpg").update(trashed_at=timezone.now())
    answer = editor.post(reverse("duplicate-keep", args=[groups[0].pk]), {"action": "best"})
    assert answer["Location"] == reverse("duplicate-group", args=[groups[2].pk])


def test_duplicates_are_for_editors(client: Client, member: Client, group: DuplicateGroup) -> None:
    pages = [
        reverse("duplicates"),
        reverse("duplicate-report", args=[group.report_id]),
        reverse("duplicate-group", args=[group.pk]),
    ]
    posts = [reverse("duplicates-create"), reverse("duplicate-keep", args=[group.pk]), pages[1]]
    for ask in [*((address, "get") for address in pages), *((address, "post") for address in posts)]:
        address, method = ask
        assert getattr(client, method)(address, {"action": "best"})["Location"].startswith(reverse("login"))
        assert getattr(member, method)(address, {"action": "best"}).status_code == 403
    assert len(live_paths()) == 3 and DuplicateReport.objects.count() == 1
