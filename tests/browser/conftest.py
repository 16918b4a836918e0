"""A real browser on a real server in this process. The worker's part is played by the test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize, sync_playwright

from tests.browser.visitor import Visitor

CHROMIUM = Path("/usr/bin/chromium")
VisitorMaker = Callable[..., Visitor]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("Debian's chromium is not installed")
    # Playwright keeps an event loop in this thread, which Django takes for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=arguments)
        yield chromium
        chromium.close()
    os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)


class Complaints(list[str]):
    """What the browser complained about: script errors, policy violations, failed loads."""

    # Chromium logs every answer of 422 as a failed load; the page shows its words instead.
    EXPECTED = ("status of 422",)

    def listen(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.append(str(error)))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not any(part in message.text for part in self.EXPECTED):
            self.append(f"{message.text} ({message.location.get('url', '')})")


@pytest.fixture
def visit(browser: Browser, live_server: Any) -> Iterator[VisitorMaker]:
    """Open a window: ``visit("/", dark=True)``. Any complaint of the browser fails the test."""
    complaints, contexts = Complaints(), []

    def make(path: str = "/", *, phone: bool = False, dark: bool = False, **options: Any) -> Visitor:
        size: ViewportSize = {"width": 360, "height": 740} if phone else {"width": 1280, "height": 900}
        context = browser.new_context(
            viewport=size, has_touch=phone, color_scheme="dark" if dark else "light",
            base_url=live_server.url, reduced_motion="reduce", **options,
        )  # fmt: skip
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        complaints.listen(page)
        visitor = Visitor(page)
        visitor.go(path)
        return visitor

    yield make
    for context in contexts:
        context.close()
    assert list(complaints) == []
