"""What is not worth a line in the log."""

from __future__ import annotations

import logging

PROBE = "/status/ready"


class ExpectedAnswers(logging.Filter):
    """For Django's log of requests: "not ready" is an answer of the readiness probe and no error.

    Whatever asks gets the reasons every few seconds; the page of the status shows them to people.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        path = getattr(getattr(record, "request", None), "path", "")
        return not (path == PROBE and getattr(record, "status_code", 0) == 503)
