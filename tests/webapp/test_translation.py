"""The pages in Chinese: a whole catalogue, and a reader who gets and chooses the language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.utils.translation.template import templatize

from tests.catalogue import Entry, read_mo, read_po
from tests.library import LibraryMaker
from webapp import messages_from_engine
from webapp.models import Match, Query

ROOT = Path(settings.BASE_DIR)
PO = ROOT / "webapp/locale/zh_Hans/LC_MESSAGES/django.po"
HEADER, *ENTRIES = read_po(PO)
CHINESE = {"Accept-Language": "zh-Hans"}
PLACEHOLDER = re.compile(
    r"%+\(\w+\)(?:\.\d+)?[a-z]|%%|</?\w+>|https?://(?:[\w./-]*\w)?|SIGHTLINE_\w+|--\w+|\w+\.py \w+", re.ASCII
)
CALLS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "pgettext"}
MARKED = re.compile(r"""(?:_|\bn?gettext)\(u?((["'])(?:\\.|(?!\2).)*\2)""", re.DOTALL)


@pytest.fixture(autouse=True)
def english_afterwards() -> Iterator[None]:
    """A request leaves its language behind in the thread."""
    with translation.override("en"):
        yield


def test_the_catalogue_holds_no_leftovers_and_one_plural_form() -> None:
    assert HEADER.message == ""
    assert "Plural-Forms: nplurals=1; plural=0;" in HEADER.translation
    assert len({entry.key for entry in ENTRIES}) == len(ENTRIES) > 500
    assert "#~" not in PO.read_text(encoding="utf-8")


def test_every_message_is_translated() -> None:
    assert [entry.message for entry in ENTRIES if entry.is_fuzzy or not entry.translation.strip()] == []


def test_every_translation_has_the_placeholders_of_its_message() -> None:
    def differs(entry: Entry) -> bool:
        # The single form stands for the plural too, so it needs what the English plural has.
        wanted = PLACEHOLDER.findall(entry.plural or entry.message)
        return sorted(PLACEHOLDER.findall(entry.translation)) != sorted(wanted)

    assert [entry for entry in ENTRIES if differs(entry)] == []


def test_the_compiled_catalogue_is_that_of_the_source() -> None:
    assert read_mo(PO.with_suffix(".mo")) == {entry.key: entry.translation for entry in (HEADER, *ENTRIES)}, (
        "Run make messages."
    )


def marked_in_python(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in CALLS:
            position = 1 if getattr(node.func, "id", "") == "pgettext" else 0
            if isinstance(text := node.args[position], ast.Constant):
                yield str(text.value)


def marked_in_template(path: Path) -> Iterator[str]:
    for literal, _ in MARKED.findall(templatize(path.read_text(encoding="utf-8"))):
        yield ast.literal_eval(literal)


def test_the_catalogue_has_every_marked_text_of_the_program() -> None:
    modules = [path for folder in ("webapp", "tasks") for path in (ROOT / folder).rglob("*.py")]
    marked = {text for path in modules for text in marked_in_python(path)}
    marked |= {text for path in (ROOT / "templates").rglob("*.html") for text in marked_in_template(path)}
    assert len(marked) > 500
    assert marked - {entry.message for entry in ENTRIES} == set(), "Run make messages and translate them."


def said_by_the_engine() -> Iterator[str]:
    """Whole sentences that errors and stages of the engine are made with."""
    errors = re.compile(
        r"^(\w*Media|MediaTooLarge|DecodeAborted|DecoderUnavailable|MediaError|_HelperStopped)$"
    )
    for path in (ROOT / "search").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name = getattr(node.func, "id", "")
                if errors.match(name) or name == "progress":
                    yield str(node.args[0].value)


def test_the_constant_sentences_of_the_engine_are_listed() -> None:
    listed = {*messages_from_engine.STAGES, *messages_from_engine.REFUSALS}
    said = set(said_by_the_engine())
    assert len(said) > 15
    assert said - listed == set()


def test_what_is_listed_is_still_said_by_the_engine() -> None:
    sources = [path for folder in ("search", "tasks") for path in (ROOT / folder).rglob("*.py")]
    constants = {
        node.value
        for path in sources
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
    }
    engine = messages_from_engine
    for sentence in (*engine.STAGES, *engine.REFUSALS, *engine.WARNINGS, *engine.FORMATS):
        assert sentence in constants


def english_left_in(html: str) -> list[str]:
    """Messages of several words that a Chinese page still shows in English."""
    words = re.sub(r"\s+", " ", re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL))
    plain = [entry.message for entry in ENTRIES if " " in entry.message and "%" not in entry.message]
    return [message for message in plain if re.search(rf">\s*{re.escape(message)}\s*<", words)]


def search(library: LibraryMaker) -> Query:
    query = Query.objects.create(
        content=library.picture(1).content, name="mine.jpg", status=Query.Status.DONE, best_score=0.9
    )
    found = {"query": query, "rank": 0, "media": library.picture(2), "score": 0.93}
    Match.objects.create(section="copy", band="copy", inliers=40, mirrored=True, **found)
    Match.objects.create(section="similar", band="similar", **found)
    return query


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("home", ["它曾在哪里出现过？", "选择文件", "副本，附带证据"]),
        ("library", ["素材库", "2 个条目", "任何状态", "图片 · 160 × 120"]),
        ("status", ["索引中的向量", "等待中的工作", "数据库"]),
        ("login", ["登录", "用户名", "搜索不需要账号。"]),
    ],
)  # fmt: skip
def test_pages_are_in_the_language_of_the_browser(
    client: Client, library: LibraryMaker, name: str, words: list[str]
) -> None:
    search(library)
    html = client.get(reverse(name), headers=CHINESE).content.decode()
    assert '<html lang="zh-hans"' in html
    assert [word for word in words if word not in html] == []
    assert english_left_in(html) == []


def test_results_are_in_chinese(client: Client, library: LibraryMaker) -> None:
    address = reverse("query", args=[search(library).pk])
    html = client.get(address, headers={"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}).content.decode()
    for words in (
        "93%",
        "同一图片，经过编辑",
        "40 个点吻合（镜像）。",
        "完成：1 个副本，0 个视频，1 个相似。",
    ):
        assert words in html
    assert english_left_in(html) == []
    assert "40 points agree, mirrored." in client.get(address).content.decode()


def test_stored_sentences_of_workers_are_translated_when_shown(client: Client, library: LibraryMaker) -> None:
    query = search(library)
    address = reverse("query", args=[query.pk])
    Query.objects.filter(pk=query.pk).update(status="running", stage="Looking for candidates")
    assert "正在查找候选…" in client.get(address, headers=CHINESE).content.decode()
    Query.objects.filter(pk=query.pk).update(status="failed", error="The file is empty.")
    assert "<p>文件是空的。</p>" in client.get(address, headers=CHINESE).content.decode()
    Query.objects.filter(pk=query.pk).update(error="<b>never heard of</b>")
    assert "&lt;b&gt;never heard of&lt;/b&gt;" in client.get(address, headers=CHINESE).content.decode()
    Query.objects.filter(pk=query.pk).update(error="")
    assert "Plural-Forms" not in client.get(address, headers=CHINESE).content.decode()


def choices(html: str) -> str:
    form = re.search(r'<form class="languages".*?</form>', html, re.DOTALL)
    assert form
    return form[0]


@pytest.mark.django_db
def test_a_chosen_language_stays_and_leads_back_to_the_same_page() -> None:
    client = Client(enforce_csrf_checks=True)
    form = choices(client.get("/library/?kind=image&text=%26").content.decode())
    token, back = re.findall(r'name="(?:csrfmiddlewaretoken|next)" value="([^"]+)"', form)
    assert back == "/library/?kind=image&amp;text=%26"
    assert re.search(r'value="en" lang="en" aria-current="true">English<', form)
    values = {"language": "zh-hans", "csrfmiddlewaretoken": token, "next": back.replace("&amp;", "&")}
    answer = client.post(reverse("set-language"), values)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/library/?kind=image&text=%26")
    assert int(client.cookies["django_language"]["max-age"]) > 300 * 24 * 3600
    html = client.get("/", headers={"Accept-Language": "en"}).content.decode()
    assert '<html lang="zh-hans"' in html
    assert re.search(r'value="zh-hans" lang="zh-hans" aria-current="true">简体中文<', choices(html))
    client.post(reverse("set-language"), values | {"language": "en"})
    assert '<html lang="en"' in client.get("/", headers=CHINESE).content.decode()


@pytest.mark.django_db
def test_choosing_a_language_leads_to_no_other_site_and_no_form(client: Client) -> None:
    answer = client.post(reverse("set-language"), {"language": "zh-hans", "next": "https://evil.example/"})
    assert answer.headers["Location"] == "/"
    refused = client.post(reverse("search-create"), {})
    assert refused.status_code == 422
    assert 'name="next" value="/"' in choices(refused.content.decode())


def test_the_page_for_errors_needs_no_request_and_offers_no_form() -> None:
    with translation.override("zh-hans"):
        html = render_to_string("500.html")
    assert "出错了" in html
    assert "languages" not in html
