from __future__ import annotations

import dataclasses
import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tasks import indexing
from webapp.services.index import IndexBusy


class Command(BaseCommand):
    help = "Compare the database with the index. Ends with 1 if they differ."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--repair", action="store_true", help="take in what is missing, drop what is extra"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--wait", type=float, default=600.0, metavar="SECONDS", help="for another writer")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["repair"]:
            try:
                indexing.repair_index(wait_seconds=options["wait"])
            except IndexBusy as error:
                raise CommandError("Another process kept writing the index. Try again later.") from error
        found = indexing.check()
        self.stdout.write(as_json(found) if options["json"] else as_words(found))
        if not found.is_good:
            sys.exit(1)


def as_words(found: indexing.IndexCheck) -> str:
    numbers = f"rows {found.rows}, vectors {found.vectors}, missing {found.missing}, extra {found.extra}"
    return "\n".join(line for line in (numbers, found.problem) if line)


def as_json(found: indexing.IndexCheck) -> str:
    values = dataclasses.asdict(found)
    if not found.problem:
        del values["problem"]
    return json.dumps(values)
