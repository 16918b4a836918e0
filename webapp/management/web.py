"""The web server process: ``python -m webapp.management.web DESCRIPTOR`` serves on an open socket."""

from __future__ import annotations

import os
import socket
import sys

import waitress

THREADS = 8
# A form around the file: names, boundaries, the CSRF token.
FORM_BYTES = 1024 * 1024


def main(descriptor: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
    from django.conf import settings

    settings.STATIC_ROOT.mkdir(exist_ok=True)  # whitenoise warns of a missing folder
    from webapp.wsgi import application

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
