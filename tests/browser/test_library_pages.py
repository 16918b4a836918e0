"""The library and the pages for administrators in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import FilePayload, expect

from tests import media
from tests.browser.clips import playable_clip
from tests.browser.conftest import VisitorMaker
from tests.browser.contrast import too_faint
from tests.browser.visitor import Visitor
from tests.library import LibraryMaker
from webapp.models import (
    DuplicateGroup,
    DuplicateMember,
    DuplicateReport,
    ImportItem,
    ImportJob,
    Media,
    WorkerSeen,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def account(transactional_db: None) -> None:
    User.objects.create_user("edda", password="pass", is_staff=True)


def log_in(visitor: Visitor) -> Visitor:
    visitor.go(reverse("login"))
    visitor.find("#id_username").fill("edda")
    visitor.page.keyboard.press("Tab")
    visitor.page.keyboard.type("pass")
    visitor.page.keyboard.press("Enter")
    visitor.sees("Log out")
    return visitor


def tab_to(visitor: Visitor, wanted: str) -> None:
    """Press the tabulator until the focus is on the element of that id or words."""
    for _ in range(80):
        visitor.page.keyboard.press("Tab")
        if visitor.focused() == wanted:
            return
    raise AssertionError(f"{wanted} cannot be reached with the keyboard")


def payload(name: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": "image/jpeg", "buffer": data}


def make_group(library: LibraryMaker, count: int = 3) -> DuplicateGroup:
    report = DuplicateReport.objects.create(status="done", group_count=1, reclaimable_bytes=5000)
    members = [library.picture(n, f"pictures/{n}.jpg", collection="Archive") for n in range(1, count + 1)]
    group = DuplicateGroup.objects.create(
        report=report, relation="near", best=members[0], reason="It has the most pixels.",
        member_count=count, reclaimable_bytes=5000, score=0.9,
    )  # fmt: skip
    for entry in members:
        DuplicateMember.objects.create(group=group, media=entry, score=0.95)
    return group


def test_scrolling_reveals_every_entry_once(visit: VisitorMaker, library: LibraryMaker) -> None:
    content = library.picture(1, "n/first.jpg").content
    Media.objects.bulk_create(Media(content=content, path=f"n/{n:03}.jpg") for n in range(150))
    visitor = visit(reverse("library"))
    cards = visitor.find(".tile")
    expect(cards).to_have_count(60)
    for count in (120, 151):
        visitor.page.keyboard.press("End")
        expect(cards).to_have_count(count)
    expect(visitor.find("#more")).to_have_count(0)
    ids = cards.evaluate_all("(cards) => cards.map((card) => card.id)")
    assert len(set(ids)) == 151


def test_typing_filters_in_place_and_the_way_back_works(visit: VisitorMaker, library: LibraryMaker) -> None:
    library.picture(1, "cats/tom.jpg")
    library.picture(2, "dogs/rex.jpg")
    visitor = visit(reverse("library"))
    expect(visitor.find(".tile")).to_have_count(2)
    visitor.find("#id_text").press_sequentially("tom")
    expect(visitor.find(".tile")).to_have_count(1)
    expect(visitor.find("#announcer")).to_have_text("1 entry")
    assert "text=tom" in visitor.page.url
    assert visitor.focused() == "id_text"
    visitor.find("#id_kind").select_option("video")
    visitor.sees("Nothing matches these filters")
    visitor.page.go_back()
    expect(visitor.find(".tile")).to_have_count(1)
    visitor.page.reload()
    expect(visitor.find("#id_text")).to_have_value("tom")
    visitor.find("text=Clear the filters").click()
    expect(visitor.find(".tile")).to_have_count(2)


def test_choosing_a_frame_seeks_the_player_by_mouse_and_keyboard(visit: VisitorMaker, tmp_path: Path) -> None:
    clip = playable_clip(tmp_path, [1, 2, 3])
    visitor = visit(reverse("media", args=[clip.pk]))
    frames = visitor.find("[data-frame]")
    expect(frames).to_have_count(12)

    def at() -> float:
        visitor.page.wait_for_function("() => !document.querySelector('video').seeking")
        return float(visitor.page.evaluate("document.querySelector('video').currentTime"))

    visitor.page.wait_for_function("() => document.querySelector('video').readyState > 0")
    frames.nth(4).click()
    assert at() == pytest.approx(2.0, abs=0.01)
    expect(frames.nth(4)).to_have_attribute("aria-current", "true")
    visitor.page.keyboard.press("ArrowRight")
    visitor.page.keyboard.press("Enter")
    assert at() == pytest.approx(2.5, abs=0.01)
    expect(visitor.find("[data-frame][aria-current]")).to_have_count(1)
    bar = visitor.find("[data-bar]").bounding_box()
    assert bar is not None
    visitor.page.mouse.click(bar["x"] + 0.75 * bar["width"], bar["y"] + 5)
    assert at() == pytest.approx(4.5, abs=0.05)
    expect(frames.nth(9)).to_have_attribute("aria-current", "true")
    visitor.page.evaluate("document.querySelector('video').play()")
    expect(frames.nth(11)).to_have_attribute("aria-current", "true")


def test_a_clip_the_browser_cannot_play_shows_its_frames(visit: VisitorMaker, library: LibraryMaker) -> None:
    clip = library.clip(1, frames=4)
    visitor = visit(reverse("media", args=[clip.pk]))
    visitor.sees("This browser cannot play the format.")
    visitor.find("[data-frame]").nth(2).click()
    shown = visitor.find("[data-still]")
    expect(shown).to_be_visible()
    assert str(shown.get_attribute("src")).endswith("/frames/2.webp")


def test_trash_and_undo_with_the_keyboard_alone(visit: VisitorMaker, library: LibraryMaker) -> None:
    entry = library.picture(1, "a/one.jpg")
    visitor = log_in(visit())
    visitor.go(reverse("media", args=[entry.pk]))
    tab_to(visitor, "Move to trash")
    visitor.page.keyboard.press("Enter")
    visitor.sees("“one.jpg” is in the trash.")
    tab_to(visitor, "Undo")
    visitor.page.keyboard.press("Enter")
    visitor.sees("1 entry is back in the library.")
    assert Media.objects.get().trashed_at is None


def test_labels_are_saved(visit: VisitorMaker, library: LibraryMaker) -> None:
    entry = library.picture(1)
    visitor = log_in(visit())
    visitor.go(reverse("media", args=[entry.pk]))
    visitor.find("text=Edit labels").click()
    visitor.page.get_by_role("combobox", name="Labels").fill("sea, sand")
    visitor.find("text=Save labels").click()
    visitor.sees("The labels are saved.")
    assert sorted(label.name for label in entry.labels.all()) == ["sand", "sea"]


def test_an_upload_becomes_an_import_whose_progress_is_live(visit: VisitorMaker) -> None:
    visitor = log_in(visit())
    visitor.go(reverse("imports"))
    picture = media.encoded(media.picture(1))
    visitor.find("#id_uploads").set_input_files([payload("tom.jpg", picture), payload("rex.jpg", picture)])
    visitor.find("text=Upload and import").click()
    visitor.page.wait_for_url("**/imports/*/")
    visitor.sees("Waiting for a worker")
    job = ImportJob.objects.get()
    assert job.name == "tom.jpg and 1 more"
    ImportItem.objects.create(job=job, path="tom.jpg", status="done")
    ImportItem.objects.create(job=job, path="rex.jpg", status="failed", error="The file ends too early.")
    ImportJob.objects.update(status="running")
    visitor.sees("2 of 2 files")
    visitor.sees("The file ends too early.")
    visitor.find("#import-pause").focus()
    ImportItem.objects.create(job=job, path="bo.jpg", status="pending")
    visitor.sees("2 of 3 files")
    assert visitor.focused() == "import-pause"
    visitor.page.keyboard.press("Enter")
    expect(visitor.find("#import-resume")).to_be_visible()
    assert ImportJob.objects.get().status == "paused"


def test_too_many_files_are_refused_before_they_are_sent(visit: VisitorMaker) -> None:
    visitor = log_in(visit())
    visitor.go(reverse("imports"))
    many = [payload(f"{n}.jpg", b"x") for n in range(101)]
    visitor.find("#id_uploads").set_input_files(many)
    visitor.find("text=Upload and import").click()
    visitor.sees("Choose at most 100 files at once")
    visitor.find("#id_uploads").set_input_files(many[:1])
    assert not ImportJob.objects.exists()


def test_a_refused_folder_is_explained(visit: VisitorMaker) -> None:
    visitor = log_in(visit())
    visitor.go(reverse("imports"))
    visitor.page.get_by_role("combobox", name="Folder on the server").fill("/etc")
    visitor.find("text=Start the import").click()
    visitor.sees("may be imported")
    expect(visitor.page.get_by_role("combobox", name="Folder on the server")).to_have_value("/etc")


def test_a_report_fills_in_and_the_best_copy_is_kept_with_the_keyboard(
    visit: VisitorMaker, library: LibraryMaker
) -> None:
    group = make_group(library)
    DuplicateReport.objects.update(status="running", stage="Comparing pairs", progress=30)
    visitor = log_in(visit())
    visitor.go(reverse("duplicate-report", args=[group.report_id]))
    visitor.sees("Comparing pairs")
    DuplicateReport.objects.update(status="done", progress=100, stage="")
    visitor.sees("3 copies")
    visitor.find(".group__link").focus()
    visitor.page.keyboard.press("Enter")
    visitor.page.wait_for_url("**/groups/*/")
    tab_to(visitor, "Keep the best, trash 2")
    visitor.page.keyboard.press("Enter")
    visitor.sees("2 copies are in the trash.")
    assert list(Media.objects.filter(trashed_at=None)) == [group.best]
    visitor.find("text=Undo").click()
    visitor.sees("2 entries are back in the library.")
    assert Media.objects.filter(trashed_at=None).count() == 3


@pytest.mark.parametrize("look", [{}, {"dark": True}, {"phone": True}], ids=["light", "dark", "phone"])
def test_every_page_fits_the_window_and_can_be_read(
    visit: VisitorMaker, library: LibraryMaker, tmp_path: Path, look: dict[str, bool]
) -> None:
    group = make_group(library)
    clip = playable_clip(tmp_path, [1, 2], name="a-very-long-name-without-any-place-to-break-it-in-two.mp4")
    failed = library.failed("scans/torn.jpg")
    library.picture(9, "gone.jpg", trashed_at=timezone.now())
    job = ImportJob.objects.create(source="folder", location="/x", name="photos", status="running")
    ImportItem.objects.create(job=job, path="photos/" + "long" * 40 + ".jpg", status="failed", error="Torn.")
    running = DuplicateReport.objects.create(status="running", stage="Comparing pairs", progress=30)
    WorkerSeen.objects.create(name="one@here", queues="queries,index", seen_at=timezone.now())
    visitor = visit(reverse("login"), **look)
    pages = [
        reverse("library"),
        reverse("library") + "?text=nothing",
        reverse("media", args=[clip.pk]),
        reverse("media", args=[failed.pk]),
        reverse("trash"),
        reverse("imports"),
        reverse("import", args=[job.pk]),
        reverse("duplicates"),
        reverse("duplicate-report", args=[group.report_id]),
        reverse("duplicate-report", args=[running.pk]),
        reverse("duplicate-group", args=[group.pk]),
        reverse("status"),
    ]
    assert too_faint(visitor.page) == []
    log_in(visitor)
    for address in pages:
        visitor.go(address)
        assert not visitor.is_wider_than_the_window(), address
        assert too_faint(visitor.page) == [], address
        unnamed = visitor.page.evaluate(
            """() => [...document.querySelectorAll("input:not([type=hidden]), select, button, a")]
                 .filter((one) => one.checkVisibility() && !one.closest("[aria-hidden]"))
                 .filter((one) => !one.textContent.trim() && !one.ariaLabel && !one.labels?.length)
                 .map((one) => one.outerHTML)"""
        )
        assert unnamed == [], address
