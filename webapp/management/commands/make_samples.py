"""``manage.py make_samples DIR``: draw the sample library into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from tasks.samples import draw


class Command(BaseCommand):
    help = "Draw sample pictures and clips, with edited copies among them, into a folder."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", type=Path)

    def handle(self, *args: Any, directory: Path, **options: Any) -> None:
        paths = draw(directory, self._show)
        self.stdout.write(f"{len(paths)} files are in {directory}.")

    def _show(self, done: int, total: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{done} of {total} files", ending="\n" if done == total else "")
