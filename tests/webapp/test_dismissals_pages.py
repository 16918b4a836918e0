"""Telling files apart through the pages, and the list of what was told apart."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.library import LibraryMaker
from tests.webapp.test_dismissals import make_report, pictures, shown
from webapp.models import Content, Dismissal, DuplicateGroup, DuplicateReport, Media
from webapp.services.dismissals import dismiss_group
from webapp.services.library import trash_media

pytestmark = pytest.mark.django_db
LIST = "/duplicates/dismissed/"


@pytest.fixture
def media(library: LibraryMaker) -> list[Media]:
    return pictures(library, 6)


@pytest.fixture
def report(media: list[Media]) -> DuplicateReport:
    """A group of three and a group of two, the larger win first."""
    return make_report(media[:3], media[3:5])


def group_of(report: DuplicateReport, count: int) -> DuplicateGroup:
    return report.groups.get(member_count=count, origin=None)


def form(group: DuplicateGroup, **values: object) -> dict[str, object]:
    return {"apart": "all", "shown": list(group.members.values_list("media", flat=True)), **values}


def dismiss(client: Client, group: DuplicateGroup, **values: object) -> str:
    answer = client.post(reverse("duplicate-dismiss", args=[group.pk]), form(group, **values), follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def undo(client: Client, page: str) -> str:
    [decision] = re.findall(r'name="decision" value="([^"]+)"', page)
    [back] = re.findall(r'name="decision".*?name="next" value="([^"]+)"', page, re.DOTALL)
    values = {"decision": decision, "next": back}
    return client.post(reverse("duplicates-restore"), values, follow=True).content.decode()


def test_a_dismissed_group_leaves_the_report_the_next_one_follows_and_undo_brings_it_back(
    editor: Client, report: DuplicateReport
) -> None:
    first, second = group_of(report, 3), group_of(report, 2)
    page = dismiss(editor, first, note="a burst")
    assert "3 pairs are remembered as no duplicates." in page
    assert f"/duplicates/groups/{second.pk}/keep/" in page, "the next group"
    listed = editor.get(reverse("duplicate-report", args=[report.pk])).content.decode()
    assert listed.count('class="card group') == 1 and "1 group" in listed
    gone = editor.get(reverse("duplicate-group", args=[first.pk])).content.decode()
    assert "somebody has told them apart" in gone and 'value="best"' not in gone
    restored = undo(editor, page)
    assert "3 pairs may be duplicates again." in restored and 'value="best"' in restored
    assert len(shown(report)) == 2
    page = dismiss(editor, second)
    assert "1 pair is remembered" in page and "Report of" in page, "the last group leads to the report"


def test_the_ticked_are_told_apart_and_the_rest_goes_on(editor: Client, report: DuplicateReport) -> None:
    group = group_of(report, 3)
    third = Media.objects.get(path="3.jpg")
    assert "Tick those" in dismiss(editor, group, apart="ticked")
    assert not Dismissal.objects.exists()
    page = dismiss(editor, group, apart="ticked", keep=[third.pk])
    assert "2 pairs are remembered" in page and "2 copies" in page and "3.jpg" not in page
    part = DuplicateGroup.objects.get(origin=group)
    origin = editor.get(reverse("duplicate-group", args=[group.pk])).content.decode()
    assert f'href="{reverse("duplicate-group", args=[part.pk])}"' in origin
    undo(editor, page)
    answer = editor.get(reverse("duplicate-group", args=[part.pk]))
    assert answer["Location"] == reverse("duplicate-group", args=[group.pk])


def test_the_same_bytes_cannot_be_told_apart(editor: Client, library: LibraryMaker) -> None:
    twins = [library.picture(1, "one.jpg"), library.picture(1, "two.jpg")]
    group = make_report(twins, relation="exact").groups.get()
    page = editor.get(reverse("duplicate-group", args=[group.pk])).content.decode()
    assert "Keep the best" in page and "These are not duplicates" not in page
    assert "These files are the same bytes." in dismiss(editor, group)
    assert not Dismissal.objects.exists()


def test_nonsense_changes_nothing(editor: Client, report: DuplicateReport) -> None:
    group = group_of(report, 3)
    some: list[dict[str, object]] = [
        {"apart": "some"}, {"shown": "x"}, {"shown": [2**70]}, {"shown": []}, {"note": "x" * 201}
    ]  # fmt: skip
    for wrong in some:
        assert "notice--error" in dismiss(editor, group, **wrong)
    others: list[dict[str, object]] = [{}, {"pair": "x"}, {"pair": 2**70}, {"decision": "x"}]
    for values in others:
        answer = editor.post(reverse("duplicates-restore"), values, follow=True)
        assert "notice--warning" in answer.content.decode()
    page = editor.post(reverse("duplicates-restore"), {"decision": uuid4()}, follow=True).content.decode()
    assert "Somebody has restored this already." in page
    assert editor.post(reverse("duplicate-dismiss", args=[10**6]), form(group)).status_code == 404
    assert editor.get(LIST, {"after": "x"}).status_code == 200
    assert not Dismissal.objects.exists() and len(shown(report)) == 2


def test_two_editors_are_told_of_each_other(editor: Client, report: DuplicateReport) -> None:
    group = group_of(report, 3)
    gone = Media.objects.get(path="3.jpg")
    trash_media(media_ids=[gone.pk], actor=None)
    page = dismiss(editor, group)
    assert "3 pairs are remembered" in page
    assert "Somebody has moved 1 of these files to the trash meanwhile." in page
    restore = re.findall(r'action="(/library/\d+/restore/)"', page)
    editor.post(restore[0], {"media": gone.pk})
    assert Media.objects.filter(trashed_at=None).count() == 6
    assert "Somebody had said so already." in dismiss(editor, group)
    late = editor.post(reverse("duplicate-keep", args=[group.pk]), {"action": "best"}, follow=True)
    assert "these are not all duplicates" in late.content.decode()
    assert Media.objects.filter(trashed_at=None).count() == 6


def test_the_list_shows_both_files_who_when_and_why(editor: Client, report: DuplicateReport) -> None:
    assert "Nothing here" in editor.get(LIST).content.decode()
    dismiss(editor, group_of(report, 2), note="<i>two</i> cats")
    assert '<span class="numbers">1</span>' in editor.get(reverse("duplicates")).content.decode()
    page = editor.get(LIST).content.decode()
    assert page.count("thumb.webp") == 2 and "4.jpg" in page and "5.jpg" in page
    assert "edda" in page and "&lt;i&gt;two&lt;/i&gt; cats" in page and "<time datetime=" in page
    trash_media(media_ids=[Media.objects.get(path="4.jpg").pk], actor=None)
    assert "In the trash · 4.jpg" in editor.get(LIST).content.decode()
    Media.objects.filter(path="4.jpg").delete()
    Content.objects.filter(media=None).delete()
    User.objects.create_user("eve", is_staff=True)
    other = Client()
    other.force_login(User.objects.get(username="eve"))
    User.objects.filter(username="edda").delete()
    page = other.get(LIST).content.decode()
    assert "Not in the library now" in page and "Unknown" in page and page.count("thumb.webp") == 1


def test_pairs_are_restored_one_by_one_or_several(editor: Client, report: DuplicateReport) -> None:
    dismiss(editor, group_of(report, 3))
    one, two, three = Dismissal.objects.order_by("pk").values_list("pk", flat=True)
    page = editor.post(reverse("duplicates-restore"), {"pair": two}, follow=True).content.decode()
    assert "1 pair may be duplicates again." in page
    assert set(Dismissal.objects.values_list("pk", flat=True)) == {one, three}
    editor.post(reverse("duplicates-restore"), {"pair": [one, three]})
    assert not Dismissal.objects.exists() and len(shown(report)) == 2


def test_pages_of_the_list_hold_each_pair_once_in_a_fixed_number_of_questions(
    editor: Client, library: LibraryMaker
) -> None:
    group = make_report(pictures(library, 14)).groups.get()
    dismiss_group(group=group, actor=None)
    seen: list[str] = []
    address, questions = LIST, []
    while address:
        with CaptureQueriesContext(connection) as captured:
            page = editor.get(address).content.decode()
        questions.append(len(captured))
        seen += re.findall(r'type="checkbox" name="pair" value="(\d+)"', page)
        older = re.search(r'href="(\?after=\d+)"', page)
        address = LIST + older[1] if older else ""
    assert [int(pk) for pk in seen] == list(Dismissal.objects.order_by("-pk").values_list("pk", flat=True))
    assert len(seen) == 91 and len(questions) == 3
    assert max(questions) == min(questions) <= 8


def test_telling_apart_is_for_editors(client: Client, member: Client, report: DuplicateReport) -> None:
    group = group_of(report, 3)
    posts = [reverse("duplicate-dismiss", args=[group.pk]), reverse("duplicates-restore")]
    for address, method in [(LIST, "get"), *((address, "post") for address in posts)]:
        assert getattr(client, method)(address, form(group))["Location"].startswith(reverse("login"))
        assert getattr(member, method)(address, form(group)).status_code == 403
    assert not Dismissal.objects.exists()
    careless = Client(enforce_csrf_checks=True)
    careless.force_login(User.objects.create_user("otto", is_staff=True))
    assert careless.post(posts[0], form(group)).status_code == 403
    assert {careless.get(address).status_code for address in posts} == {405}
