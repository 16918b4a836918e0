from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from tasks.bulk import Bulk, Entry, Outcome
from tasks.errors import STOPPED
from webapp.selectors.index import active_model_key
from webapp.services.index import IndexBusy
from webapp.services.library import get_or_create_collection
from webapp.services.manifest import Facts, ManifestUnreadable, read_manifest
from webapp.services.media_files import folder_label, media_files


class Command(BaseCommand):
    help = (
        "Take pictures and clips into the library: files, and folders with all they hold. What is there"
        " already is skipped. No worker needs to run; the index is in step when the command ends."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="*", metavar="PATH", help="a file, or a folder")
        parser.add_argument(
            "--manifest",
            type=Path,
            metavar="FILE.csv",
            help="labels and facts by path (relative to the manifest or to here), with the columns path,"
            " label, latitude, longitude, link, description; without any PATH its files are taken in",
        )
        parser.add_argument(
            "--labels-from-folders",
            action="store_true",
            help="label each file with the name of the folder it lies in",
        )
        parser.add_argument(
            "--restore", action="store_true", help="bring back what is in the trash; otherwise it is skipped"
        )
        parser.add_argument("--collection", metavar="NAME", help="put the files into this collection")
        parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        entries = list(chosen_entries(options["paths"], options["manifest"], options["labels_from_folders"]))
        if not entries:
            self.report(Outcome(), 0.0, as_json=options["json"])
            raise CommandError("There is no picture or clip to take in. Name a file, or a folder of them.")
        self.warn_of_another_model()
        name = options["collection"]
        collection = get_or_create_collection(name=name) if name else None
        with progress_bar(len(entries)) as settled:
            bulk = Bulk(
                collection=collection,
                max_bytes=settings.SIGHTLINE.max_upload_bytes,
                settled=settled,
                restore=options["restore"],
            )
            problem = run(bulk, entries)
        self.report(bulk.outcome, time.monotonic() - started, as_json=options["json"])
        if problem:
            raise CommandError(problem)
        if not bulk.outcome.ingested and not bulk.outcome.skipped:
            sys.exit(1)

    def warn_of_another_model(self) -> None:
        used, wanted = active_model_key(), settings.SIGHTLINE.model
        if used != wanted:
            note = f"The library uses {used}. To move it to {wanted}, run: manage.py reembed --model {wanted}"
            self.stderr.write(self.style.WARNING(note))

    def report(self, outcome: Outcome, seconds: float, *, as_json: bool) -> None:
        for warning in outcome.warnings:
            self.stderr.write(f"{warning.path}: {warning.error}")
        if as_json:
            self.stdout.write(json_line(outcome, seconds))
            return
        for failure in outcome.failed:
            self.stderr.write(self.style.ERROR(f"{failure.path}: {failure.error}"))
        self.stdout.write(
            f"{outcome.ingested} taken in, {outcome.skipped} skipped, {len(outcome.failed)} failed"
            f" in {seconds:.1f} s."
        )


def run(bulk: Bulk, entries: list[Entry]) -> str:
    """What stopped the run early, in words; empty if nothing did."""
    try:
        bulk.run(entries)
    except STOPPED as error:
        return f"{error} Run the same command again to go on."
    except IndexBusy:
        return (
            "The files are in, but another process keeps writing the index. Run check_index --repair later."
        )
    except KeyboardInterrupt:
        return "Stopped. What is finished is kept; run the same command again to go on."
    return ""


def json_line(outcome: Outcome, seconds: float) -> str:
    values = asdict(outcome) | {"seconds": round(seconds, 3)}
    del values["warnings"]
    return json.dumps(values)


def chosen_entries(paths: list[str], manifest: Path | None, labels_from_folders: bool) -> Iterator[Entry]:
    rows = read_rows(manifest) if manifest else {}
    facts = {_absolute(file): known for file, known in rows.values()}
    listed = _given(paths) if paths else ((path, file) for path, (file, _) in rows.items())
    for path, file in dict(listed).items():
        known = facts.get(_absolute(file), Facts())
        if labels_from_folders:
            known = replace(known, labels=(*known.labels, folder_label(file)))
        yield Entry(path, file, known)


def _given(paths: list[str]) -> Iterator[tuple[str, Path]]:
    for path in paths:
        place = Path(path)
        if not place.is_dir():
            yield path, place
            continue
        for file in media_files(place):
            yield os.path.join(path, file.relative_to(place)), file  # noqa: PTH118  keeps "./" as given


def read_rows(manifest: Path) -> dict[str, tuple[Path, Facts]]:
    """The file and the facts of each row, by the path as it is written there."""
    try:
        rows = read_manifest(manifest)
    except ManifestUnreadable as error:
        raise CommandError(str(error)) from error
    return {path: (_beside(manifest, path), facts) for path, facts in rows.items()}


def _beside(manifest: Path, path: str) -> Path:
    """The file a row speaks of: relative to the manifest, or else to the working directory."""
    beside = manifest.parent / path
    return beside if beside.exists() or not Path(path).exists() else Path(path)


def _absolute(file: Path) -> str:
    return os.path.abspath(file)  # noqa: PTH100  takes out ".." without following links


@contextlib.contextmanager
def progress_bar(total: int) -> Iterator[Callable[[int], object]]:
    with tqdm(total=total, unit="file", disable=not sys.stderr.isatty(), file=sys.stderr) as bar:
        yield bar.update
