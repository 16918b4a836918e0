from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from tasks.errors import STOPPED
from tasks.renditions import Restoring
from webapp.selectors.contents import count_described


class Command(BaseCommand):
    help = "Make lost thumbnails, frame pictures and local features again from the originals."

    def handle(self, *args: Any, **options: Any) -> None:
        with tqdm(
            total=count_described(), unit="file", disable=not sys.stderr.isatty(), file=sys.stderr
        ) as bar:
            run = Restoring(looked_at=bar.update)
            try:
                run.run()
            except STOPPED as error:
                raise CommandError(f"{error} Run the same command again to go on.") from error
        for sha256, reason in run.failed.items():
            self.stderr.write(self.style.ERROR(f"{sha256}: {reason}"))
        self.stdout.write(f"The renditions of {run.made} files were made again.")
        if run.failed:
            sys.exit(1)
