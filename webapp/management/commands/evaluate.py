"""``manage.py evaluate``: accuracy, measured. Each sub-command is a module in ``tasks/evaluation/``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tasks.errors import SearchError
from tasks.evaluation.registry import SUBCOMMANDS


class Command(BaseCommand):
    help = "Measure how well copies and moments are found, on your own pictures and clips."

    def add_arguments(self, parser: CommandParser) -> None:
        chosen = parser.add_subparsers(dest="subject", required=True, metavar="SUBJECT")
        for name, module in SUBCOMMANDS.items():
            one = chosen.add_parser(name, help=module.HELP, description=module.HELP)
            module.add_arguments(one)
            one.add_argument("--json", metavar="FILE", help="also write the report to this file; - prints it")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            outcome = SUBCOMMANDS[options["subject"]].run(options, self.stderr.write)
        except (SearchError, OSError) as error:
            raise CommandError(str(error)) from error
        target = options["json"]
        document = json.dumps(outcome.report, indent=1, ensure_ascii=False)
        if target == "-":
            self.stdout.write(document)
            return
        if target:
            try:
                _write(Path(target), document + "\n")
            except OSError as error:
                raise CommandError(f"The report cannot be written: {error}") from error
        self.stdout.write(outcome.text)


def _write(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with part.open("w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)
