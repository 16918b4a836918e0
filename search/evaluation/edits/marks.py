"""Small drawings with transparency: what people stick on pictures. Each is RGBA, ``side`` pixels square."""

from __future__ import annotations

import math

from PIL import Image, ImageDraw

from search.evaluation.edits.base import Tools

_OVERSAMPLED = 3


def face(side: int, tools: Tools) -> Image.Image:
    """A yellow face, happy or astonished."""
    sheet, pen, unit = _sheet(side)
    pen.ellipse(
        _box(0.04, 0.04, 0.96, 0.96, unit), fill="#ffd23f", outline="#c98a00", width=round(unit * 0.03)
    )
    for x in (0.34, 0.66):
        pen.ellipse(_box(x - 0.06, 0.3, x + 0.06, 0.46, unit), fill="#5b3a00")
    if tools.coin():
        pen.chord(_box(0.24, 0.4, 0.76, 0.82, unit), 10, 170, fill="#5b3a00")
    else:
        pen.ellipse(_box(0.4, 0.56, 0.6, 0.82, unit), fill="#5b3a00")
    return _smooth(sheet, side)


def heart(side: int, _: Tools) -> Image.Image:
    """A red heart."""
    sheet, pen, unit = _sheet(side)
    steps = [2 * math.pi * step / 60 for step in range(60)]
    outline = [
        (
            unit * (0.5 + 0.029 * 16 * math.sin(turn) ** 3),
            unit * (0.46 - 0.029 * (13 * math.cos(turn) - 5 * math.cos(2 * turn) - 2 * math.cos(3 * turn))),
        )
        for turn in steps
    ]
    pen.polygon(outline, fill="#e0245e")
    return _smooth(sheet, side)


def star(side: int, tools: Tools) -> Image.Image:
    """A five-pointed star of any colour."""
    sheet, pen, unit = _sheet(side)
    points = []
    for step in range(10):
        reach = 0.48 if step % 2 == 0 else 0.2
        turn = math.pi * step / 5
        points.append((unit * (0.5 + reach * math.sin(turn)), unit * (0.5 - reach * math.cos(turn))))
    pen.polygon(points, fill=(*tools.colour(), 255))
    return _smooth(sheet, side)


def badge(side: int, tools: Tools) -> Image.Image:
    """A round or square emblem of two colours with a simple figure inside."""
    sheet, pen, unit = _sheet(side)
    ground, figure = (*tools.colour(), 255), (*tools.colour(), 255)
    whole = _box(0.02, 0.02, 0.98, 0.98, unit)
    if tools.coin():
        pen.ellipse(whole, fill=ground)
    else:
        pen.rounded_rectangle(whole, unit * 0.2, fill=ground)
    if tools.coin():
        pen.polygon(
            [(unit * 0.38, unit * 0.28), (unit * 0.38, unit * 0.72), (unit * 0.74, unit * 0.5)], figure
        )
    else:
        pen.arc(_box(0.24, 0.24, 0.76, 0.76, unit), 40, 320, fill=figure, width=round(unit * 0.14))
    return _smooth(sheet, side)


def _sheet(side: int) -> tuple[Image.Image, ImageDraw.ImageDraw, float]:
    unit = max(1, side) * _OVERSAMPLED
    sheet = Image.new("RGBA", (unit, unit))
    return sheet, ImageDraw.Draw(sheet), float(unit)


def _box(left: float, top: float, right: float, bottom: float, unit: float) -> tuple[float, ...]:
    return left * unit, top * unit, right * unit, bottom * unit


def _smooth(sheet: Image.Image, side: int) -> Image.Image:
    return sheet.resize((max(1, side), max(1, side)), Image.Resampling.BOX)
