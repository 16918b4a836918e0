"""What the engine says of a file or a search, listed for the catalogues.

The engine knows no languages: workers store its English sentences, and pages translate them when they
show them. That works for sentences without values in them; others stay as they were stored.
"""

from __future__ import annotations

from django.utils.translation import gettext, gettext_noop

STAGES = (
    gettext_noop("Looking for candidates"),
    gettext_noop("Comparing the pictures point by point"),
    gettext_noop("Looking for pictures inside the picture"),
    gettext_noop("Comparing the clips second by second"),
    gettext_noop("Looking for turned clips and clips inside the clip"),
)
REFUSALS = (
    gettext_noop("The file is empty."),
    gettext_noop("This is not a plain file."),
    gettext_noop("The file cannot be opened: it is missing or may not be read."),
    gettext_noop("This is not a picture or video of a format that can be read here."),
    gettext_noop("The video is compressed in a way that cannot be read here."),
    gettext_noop("This file holds sound but no moving picture."),
    gettext_noop("The file is cut off before any of the picture."),
    gettext_noop("The picture's data is damaged and cannot be decoded."),
    gettext_noop("No picture could be decoded from this clip."),
    gettext_noop("The file could not be decoded; it is probably damaged in an unusual way."),
    gettext_noop("The decoder crashed on this file; it is probably damaged."),
    gettext_noop("The decoder gave an answer that makes no sense."),
    gettext_noop("Decoding was cut off because the helper process stopped. Try again."),
    gettext_noop(
        "Decoding was stopped from outside, perhaps because the machine ran out of memory. Try again."
    ),
    gettext_noop("The file could not be described."),
    gettext_noop("The decoding helper cannot be started."),
    gettext_noop("The decoding helper does not start; its output says why."),
    gettext_noop("The decoding helper stops as soon as it is started."),
)
WARNINGS = (
    gettext_noop("The file is damaged or cut off: only part of the picture could be read."),
    gettext_noop("The file has several pages; only the first was read."),
    gettext_noop("The video's clock jumps; times after a jump count on from the frame before."),
)
FORMATS = (
    gettext_noop("JPEG, progressive"),
    gettext_noop("PNG, palette"),
    gettext_noop("PNG, 16 bit"),
    gettext_noop("GIF, animated"),
    gettext_noop("WebP, animated"),
)


def translated(text: str) -> str:
    """Stored words in the reader's language, if the catalogue knows them."""
    return gettext(text) if text else ""  # the empty text is the catalogue's own header
