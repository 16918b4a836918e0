"""Folders on the server that an administrator can choose to import."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

from webapp.selectors.imports import import_roots

MOST_CHILDREN = 50


def import_places() -> list[Path]:
    """The allowed folders that exist, each followed by its first folders, to choose from while typing."""
    return [place for root in import_roots() if root.is_dir() for place in (root, *_folders_in(root))]


def _folders_in(root: Path) -> list[Path]:
    try:
        with os.scandir(root) as entries:
            names = (entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
            return sorted(root / name for name in islice(names, MOST_CHILDREN))
    except PermissionError:
        return []  # an allowed folder that cannot be opened offers nothing to choose
