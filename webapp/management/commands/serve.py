"""``manage.py serve``: migrate, then run the web server and the workers together until Ctrl-C."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from webapp.management import programs
from webapp.management.children import Program
from webapp.management.setup_token import write_setup_token
from webapp.management.supervisor import PortBusy, StartFailed, Supervisor, listen
from webapp.models import ImportJob
from webapp.selectors.imports import OPEN_JOBS
from webapp.services.first_account import setup_is_open
from webapp.services.imports import ImportRefused, create_import


class Command(BaseCommand):
    help = "Run the web server and the workers together. Ctrl-C stops them all."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--media", type=Path, metavar="DIR", help="Import this folder after the start.")
        parser.add_argument("--host", default=settings.SIGHTLINE.bind_host)
        parser.add_argument("--port", type=int, default=settings.SIGHTLINE.bind_port)

    def handle(self, *args: Any, media: Path | None, host: str, port: int, **options: Any) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        if media is not None:
            self._import(media)
        with closing(self._listen(host, port)) as listener:
            self._serve(listener, host)
        self._say("Stopped.")

    def _listen(self, host: str, port: int) -> socket.socket:
        try:
            return listen(host, port)
        except PortBusy as error:
            raise CommandError(
                f"Cannot open {host}:{port} ({error}). If Sightline runs already, open it in the browser; "
                f"otherwise choose another port: make run SIGHTLINE_PORT={port + 1}"
            ) from error

    def _serve(self, listener: socket.socket, host: str) -> None:
        shown = "127.0.0.1" if host in {"0.0.0.0", ""} else "::1" if host == "::" else host  # noqa: S104
        port = listener.getsockname()[1]
        self._say("Starting the web server and the workers …")
        supervisor = Supervisor(
            self._programs(listener),
            logs=programs.log_folder(settings.SIGHTLINE),
            address=(shown, port),
            say=self._say,
        )
        base = f"http://[{shown}]:{port}/" if ":" in shown else f"http://{shown}:{port}/"
        try:
            supervisor.run(lambda: self._welcome(base))
        except StartFailed as error:
            raise CommandError(str(error)) from error

    def _programs(self, listener: socket.socket) -> Iterator[Program]:
        yield programs.web(listener.fileno())
        yield from programs.workers()
        yield programs.clock(settings.SIGHTLINE)

    def _welcome(self, base: str) -> None:
        self._say(f"Sightline is ready: {base}")
        if setup_is_open():
            self._say(f"To administer it, make the first account: {base}setup/?token={write_setup_token()}")
        self._say("Press Ctrl-C to stop.")

    def _import(self, media: Path) -> None:
        from tasks.imports import run_import

        try:
            job = self._unfinished(media) or create_import(
                source=ImportJob.Source.FOLDER,
                location=media.absolute(),
                labels_from_folders=True,
                trusted=True,
            )
        except ImportRefused as error:
            raise CommandError(str(error)) from error
        run_import.delay_on_commit(job.pk)
        self._say(f"Importing {media}; the Imports page shows how far it is.")

    def _unfinished(self, media: Path) -> ImportJob | None:
        """An import of the same folder that a stop interrupted: go on with it instead of a second one."""
        same = ImportJob.objects.filter(source=ImportJob.Source.FOLDER, location=str(media.resolve()))
        return same.filter(status__in=OPEN_JOBS).first()

    def _say(self, message: str) -> None:
        self.stdout.write(message)
        self.stdout.flush()
