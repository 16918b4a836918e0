from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from tasks.errors import STOPPED
from tasks.reembedding import Reembedding
from webapp.services.index import IndexBusy


class Command(BaseCommand):
    help = (
        "Move the library to another model while it serves: embed everything with it, build its index, and"
        " switch when both are complete. A run that was stopped goes on where it was."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--model", required=True, metavar="KEY", help="the model, e.g. sightline@0")
        parser.add_argument(
            "--skip-failed",
            action="store_true",
            help="switch even if some files cannot be read again; those are found by exact copies alone",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        skip = options["skip_failed"]
        with tqdm(unit="file", disable=not sys.stderr.isatty(), file=sys.stderr) as bar:
            run = Reembedding(options["model"], skip_failed=skip, found=bar.reset, settled=bar.update)
            try:
                switched = run.run()
            except STOPPED as error:
                raise CommandError(f"{error} Run the same command again to go on.") from error
            except IndexBusy as error:
                raise CommandError("Another process keeps writing the index. Try again later.") from error
        for failure in run.failures():
            self.stderr.write(self.style.ERROR(f"{failure.path}: {failure.error}"))
        if not switched:
            raise CommandError(
                f"{len(run.failed)} files could not be embedded, so the old model stays in use."
                " Add them again, or switch without them: --skip-failed."
            )
        self.stdout.write(f"The library uses {run.key} now. {run.done} files were embedded.")
