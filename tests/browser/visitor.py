"""What a person does in the browser, in words."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Locator, Page

# A file as the system hands it over in a drop or a paste.
TRANSFER = """([bytes, name, type, text]) => {
  const transfer = new DataTransfer();
  if (name) {
    const data = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
    transfer.items.add(new File([data], name, { type }));
  }
  if (text) transfer.setData("text/plain", text);
  return transfer;
}"""


@dataclass(frozen=True, slots=True)
class Visitor:
    page: Page

    def go(self, path: str) -> None:
        self.page.goto(path, wait_until="load")

    def find(self, selector: str) -> Locator:
        return self.page.locator(selector)

    def sees(self, words: str) -> None:
        self.page.get_by_text(words).first.wait_for(state="visible")

    def until(self, script: str, *, seconds: float = 15.0) -> None:
        """Wait for an expression. Playwright's own way of waiting needs eval, which the pages forbid."""
        deadline = time.monotonic() + seconds
        while not self.page.evaluate(script):
            assert time.monotonic() < deadline, f"Not so after {seconds:g} s: {script}"
            self.page.wait_for_timeout(50)

    def transfer(self, data: bytes = b"", name: str = "", kind: str = "", text: str = "") -> Any:
        return self.page.evaluate_handle(TRANSFER, [base64.b64encode(data).decode(), name, kind, text])

    def drag(self, event: str, transfer: Any) -> None:
        self.page.dispatch_event("main", event, {"dataTransfer": transfer})

    def paste(self, transfer: Any) -> None:
        script = """(data) => document.body.dispatchEvent(
            new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }))"""
        self.page.evaluate(script, transfer)

    def focused(self) -> str:
        """The id, or else the words, of the element that has the focus."""
        script = "(document.activeElement.id || document.activeElement.textContent.trim())"
        return str(self.page.evaluate(script))

    def is_wider_than_the_window(self) -> bool:
        script = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        return bool(self.page.evaluate(script))
