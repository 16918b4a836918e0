"""Working through a report with single keys, and the list of what was told apart, in a real browser."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import expect

from tests.browser.conftest import VisitorMaker
from tests.browser.contrast import too_faint
from tests.browser.test_library_pages import log_in
from tests.browser.visitor import Visitor
from tests.library import LibraryMaker
from tests.webapp.test_dismissals import make_report
from webapp.models import Dismissal, DuplicateReport, Media
from webapp.selectors import duplicates as selector
from webapp.services.dismissals import dismiss_group

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def account(transactional_db: None) -> None:
    User.objects.create_user("edda", password="pass", is_staff=True)


@pytest.fixture
def report(library: LibraryMaker) -> DuplicateReport:
    media = [library.picture(seed, f"holiday/{seed}.jpg") for seed in range(1, 8)]
    return make_report(media[:3], media[3:5], media[5:])


def is_on(visitor: Visitor, pk: int) -> None:
    visitor.page.wait_for_url(f"**{reverse('duplicate-group', args=[pk])}")


def test_a_report_is_worked_through_with_single_keys(visit: VisitorMaker, report: DuplicateReport) -> None:
    first, second, third = (group.pk for group in selector.groups(report))
    keys = (visitor := log_in(visit())).page.keyboard
    visitor.go(reverse("duplicate-group", args=[first]))
    keys.press("ArrowRight")
    is_on(visitor, second)
    visitor.go(reverse("duplicate-group", args=[first]))

    visitor.find("text=Add a note").click()
    note = visitor.find("textarea")
    note.press_sequentially("knu, my own")  # keys in a field are letters
    keys.press("ArrowRight")
    keys.press("Control+n")
    is_on(visitor, first)
    visitor.find("h1").click()
    keys.press("n")
    visitor.sees("3 pairs are remembered as no duplicates.")
    is_on(visitor, second)
    assert set(Dismissal.objects.values_list("note", "actor__username")) == {("knu, my own", "edda")}

    keys.press("u")
    visitor.sees("3 pairs may be duplicates again.")
    is_on(visitor, first)
    assert not Dismissal.objects.exists()
    keys.press("n")
    is_on(visitor, second)
    visitor.find("[data-shortcuts]").uncheck()
    keys.press("k")
    visitor.page.reload()
    assert Media.objects.filter(trashed_at=None).count() == 7
    visitor.find("[data-shortcuts]").check()
    keys.press("k")  # the focus is on a checkbox, which takes no letters
    visitor.sees("1 copy is in the trash.")
    is_on(visitor, third)
    keys.press("n")
    visitor.sees("1 pair is remembered as no duplicates.")
    assert reverse("duplicate-report", args=[report.pk]) in visitor.page.url
    assert visitor.find(".group:not(.group--settled)").count() == 0


def test_pairs_are_found_and_restored_in_the_list(visit: VisitorMaker, report: DuplicateReport) -> None:
    group = selector.groups(report)[0]
    dismiss_group(group=group, actor=User.objects.get(), note="a burst of the same place")
    visitor = log_in(visit())
    visitor.go(reverse("duplicates"))
    visitor.page.get_by_role("link", name="Not duplicates").click()
    expect(visitor.find("tbody tr")).to_have_count(3)
    expect(visitor.find("tbody img")).to_have_count(6)
    visitor.find("tbody input").nth(0).check()
    visitor.find("tbody button").nth(1).click()  # the ticked of other rows are not meant
    visitor.sees("1 pair may be duplicates again.")
    expect(visitor.find("tbody tr")).to_have_count(2)
    for box in visitor.find("tbody input").all():
        box.check()
    visitor.page.keyboard.press("Enter")
    visitor.sees("Nothing here")
    assert selector.groups(report)[0] == group


@pytest.mark.parametrize("look", [{}, {"dark": True}, {"phone": True}], ids=["light", "dark", "phone"])
def test_the_pages_fit_the_window_and_can_be_read(
    visit: VisitorMaker, report: DuplicateReport, look: dict[str, bool]
) -> None:
    first, second, _ = selector.groups(report)
    dismiss_group(
        group=first, actor=User.objects.get(), note="a burst of the same place", apart=[first.best_id]
    )
    visitor = log_in(visit(**look))
    for address in (
        reverse("duplicates"),
        reverse("duplicates-dismissed"),
        reverse("duplicate-group", args=[first.pk]),
        reverse("duplicate-group", args=[second.pk]),
    ):
        visitor.go(address)
        assert not visitor.is_wider_than_the_window(), address
        assert too_faint(visitor.page) == [], address
