"""What work fails with, for commands to say. Their texts are sentences for a person."""

from __future__ import annotations

from django.db import OperationalError

from search.errors import SearchError
from webapp.services.storage import StorageError

__all__ = ["STOPPED", "SearchError"]

# A run that ends with one of these can be started again later, and goes on where it was.
STOPPED = (SearchError, StorageError, OSError, OperationalError)
