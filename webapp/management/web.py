"""The web server process: ``python -m webapp.management.web DESCRIPTOR`` serves on an open socket."""

from __future__ import annotations

import os
import socket
import sys
import tempfile

import waitress

THREADS = 8
# A form around the file: names, boundaries, the CSRF token.
FORM_BYTES = 1024 * 1024


def main(descriptor: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
    from django.conf import settings

    from webapp.wsgi import application

    # The server spools large bodies there: beside the data, since /tmp is often small, or in memory.
    tempfile.tempdir = str(settings.FILE_UPLOAD_TEMP_DIR)
    waitress.serve(
        application,
        sockets=[socket.socket(fileno=descriptor)],
        threads=THREADS,
        ident="",
        max_request_body_size=settings.SIGHTLINE.max_upload_bytes + FORM_BYTES,
        _quiet=True,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
