"""``manage.py benchmark``: memory, start time, search time and ingest speed on a library of a given size."""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    help = "Measure start, memory, searches and ingest on a library made for it. Yours is not touched."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--pictures", type=int, default=10_000, metavar="N")
        parser.add_argument("--searches", type=int, default=100, metavar="N")
        parser.add_argument("--json", action="store_true")
        # The benchmark calls itself with this on the data directory that it made.
        parser.add_argument("--fill", type=int, help=argparse.SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["fill"] is not None:
            from webapp.management.benchmarking.crowd import fill

            fill(options["fill"])
            return
        from webapp.management.benchmarking.measure import measure

        with tempfile.TemporaryDirectory(prefix="sightline-benchmark-") as folder:
            figures = asdict(
                measure(
                    Path(folder), pictures=options["pictures"], searches=options["searches"], say=self._say
                )
            )
        self.stdout.write(json.dumps(figures) if options["json"] else _table(figures))

    def _say(self, message: str) -> None:
        self.stderr.write(message)


def _table(figures: dict[str, Any]) -> str:
    return "\n".join(
        f"{name:24} {value:.3f}" if isinstance(value, float) else f"{name:24} {value}"
        for name, value in figures.items()
    )
