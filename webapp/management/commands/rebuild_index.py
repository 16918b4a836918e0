from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tasks import indexing
from webapp.services.index import IndexBusy, LeaseLost


class Command(BaseCommand):
    help = "Write the whole index anew from the database, beside the old one, and switch to it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--wait", type=float, default=600.0, metavar="SECONDS", help="for another writer")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            vectors = indexing.rebuild(wait_seconds=options["wait"])
        except (IndexBusy, LeaseLost) as error:
            raise CommandError("Another process kept writing the index. Try again later.") from error
        self.stdout.write(f"The index holds {vectors} vectors.")
