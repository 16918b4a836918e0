"""Choosing the language at the foot of a page, by keyboard and without scripts."""

from __future__ import annotations

import pytest

from tests.browser.conftest import VisitorMaker
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.django_db(transaction=True)


def language(visitor: Visitor) -> str | None:
    return visitor.find("html").get_attribute("lang")


def test_the_language_is_chosen_with_the_keyboard(visit: VisitorMaker) -> None:
    visitor = visit("/library/", locale="zh-CN")
    assert language(visitor) == "zh-hans"
    english = visitor.find("form.languages button[lang=en]")
    english.focus()
    with visitor.page.expect_navigation():
        english.press("Enter")
    assert language(visitor) == "en"
    assert visitor.page.url.endswith("/library/")


def test_the_language_is_chosen_without_scripts(visit: VisitorMaker) -> None:
    visitor = visit("/status/", phone=True, locale="en-GB", java_script_enabled=False)
    with visitor.page.expect_navigation():
        visitor.find("form.languages button[lang=zh-hans]").click()
    assert language(visitor) == "zh-hans"
    visitor.sees("等待中的工作")
