"""Edits that show other pictures beside this one."""

from __future__ import annotations

import math

from PIL import Image, ImageOps

from search.evaluation.edits.base import Tools


def picture_in_picture(picture: Image.Image, share: float, tools: Tools) -> Image.Image:
    """Pasted into another picture, often with a thin edge; ``share``: of the area of the result."""
    ground = ImageOps.fit(tools.other(), picture.size)
    scale = math.sqrt(share)
    size = (max(8, round(picture.width * scale)), max(8, round(picture.height * scale)))
    small = picture.resize(size, Image.Resampling.LANCZOS)
    edge = max(1, round(min(size) * 0.02)) if tools.coin() else 0
    framed = ImageOps.expand(small, edge, "white")
    room = (max(0, ground.width - framed.width), max(0, ground.height - framed.height))
    ground.paste(framed, (round(tools.between(0, room[0])), round(tools.between(0, room[1]))))
    return ground


def collage(picture: Image.Image, parts: float, tools: Tools) -> Image.Image:
    """One of so many ``parts`` (2, 4 or 9) of a sheet, all of the same shape, among other pictures."""
    count = int(parts)
    across = math.ceil(math.sqrt(count))
    down = math.ceil(count / across)
    gap = max(0, round(min(picture.size) * tools.between(-0.02, 0.03)))
    cell = (picture.width // across, picture.height // across)
    sheet = Image.new(
        "RGB", (across * (cell[0] + gap) + gap, down * (cell[1] + gap) + gap), "white" if gap else "black"
    )
    own = int(tools.random.integers(count))
    for number in range(count):
        shown = picture if number == own else tools.other()
        row, column = divmod(number, across)
        part = ImageOps.fit(shown, (max(8, cell[0]), max(8, cell[1])), Image.Resampling.BICUBIC)
        sheet.paste(part, (gap + column * (cell[0] + gap), gap + row * (cell[1] + gap)))
    return sheet
