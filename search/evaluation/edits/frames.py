"""Edits that put the picture into a frame."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageOps

from search.evaluation.edits.base import Tools
from search.evaluation.edits.overlays import fitting_font, phrase


def border(picture: Image.Image, share: float, tools: Tools) -> Image.Image:
    """A frame of one colour all round; ``share``: its width by the short side."""
    return ImageOps.expand(picture, _part(min(picture.size), share), tools.colour())


def letterbox(picture: Image.Image, share: float, tools: Tools) -> Image.Image:
    """Bars above and below; ``share`` of the new height."""
    bar = _part(picture.height, share / (1 - share) / 2)
    return ImageOps.expand(picture, (0, bar, 0, bar), _bar_colour(tools))


def pillarbox(picture: Image.Image, share: float, tools: Tools) -> Image.Image:
    """Bars left and right; ``share`` of the new width."""
    bar = _part(picture.width, share / (1 - share) / 2)
    return ImageOps.expand(picture, (bar, 0, bar, 0), _bar_colour(tools))


def meme(picture: Image.Image, share: float, tools: Tools) -> Image.Image:
    """A white band with words above, for larger amounts below as well; ``share`` of the height each."""
    band = max(12, _part(picture.height, share))
    below = band if share > 0.2 else 0
    page = ImageOps.expand(picture, (0, band, 0, below), "white")
    pen = ImageDraw.Draw(page)
    for top in (0, page.height - band)[: 2 if below else 1]:
        words = phrase(tools)
        font = fitting_font(words, page.width * 0.92, band * 0.6)
        pen.text((page.width / 2, top + band / 2), words, "black", font=font, anchor="mm")
    return page


def screenshot(picture: Image.Image, share: float, tools: Tools) -> Image.Image:
    """Shown in an application on a telephone; ``share``: how much of the screen is not the picture."""
    dark = tools.coin()
    ground, ink = ("#15181c", "#e8e8e8") if dark else ("#ffffff", "#1b1b1b")
    extra = picture.height * share / (1 - share)
    above = _part(extra, tools.between(0.35, 0.6))
    below = max(1, round(extra) - above)
    side = _part(picture.width, 0.02) if tools.coin() else 0
    page = ImageOps.expand(picture, (side, above, side, below), ground)
    _status_bar(page, above, ink)
    _author(page, above, ink, tools)
    _buttons(page, below, ink, tools)
    return page


def _status_bar(page: Image.Image, above: int, ink: str) -> None:
    pen, height = ImageDraw.Draw(page), above * 0.3
    font = fitting_font("12:47", page.width * 0.2, max(7.0, height * 0.7))
    pen.text((page.width * 0.04, height / 2), "12:47", ink, font=font, anchor="lm")
    right = page.width * 0.96
    pen.rectangle((right - height, height * 0.3, right, height * 0.7), outline=ink)
    pen.rectangle((right - height, height * 0.3, right - height * 0.4, height * 0.7), fill=ink)


def _author(page: Image.Image, above: int, ink: str, tools: Tools) -> None:
    pen, top = ImageDraw.Draw(page), above * 0.36
    side = above * 0.52
    left = page.width * 0.04
    pen.ellipse((left, top, left + side, top + side), fill=tools.colour())
    name = phrase(tools)
    font = fitting_font(name, page.width * 0.5, max(7.0, side * 0.42))
    pen.text((left + side * 1.3, top + side * 0.28), name, ink, font=font, anchor="lm")
    small = fitting_font("2 hours ago", page.width * 0.25, max(6.0, side * 0.3))
    pen.text((left + side * 1.3, top + side * 0.75), "2 hours ago", "#8a8f94", font=small, anchor="lm")


def _buttons(page: Image.Image, below: int, ink: str, tools: Tools) -> None:
    pen, top = ImageDraw.Draw(page), page.height - below
    size = below * 0.26
    for number in range(4):
        left, line = page.width * (0.05 + 0.14 * number), top + below * 0.14
        box = (left, line, left + size, line + size)
        (pen.ellipse if number % 2 else pen.rectangle)(box, outline=ink, width=max(1, round(size / 9)))
    words = f"{phrase(tools)}  {phrase(tools)}"
    font = fitting_font(words, page.width * 0.9, max(6.0, below * 0.2))
    pen.text((page.width * 0.05, top + below * 0.66), words, ink, font=font, anchor="lm")


def _bar_colour(tools: Tools) -> tuple[int, int, int]:
    return (0, 0, 0) if tools.coin(0.7) else tools.colour()


def _part(whole: float, share: float) -> int:
    return max(1, round(whole * share))
