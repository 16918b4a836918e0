"""Settings for the tests: the real ones over a data directory of their own, made afresh for each process."""

import os
import tempfile

_data = tempfile.mkdtemp(prefix="sightline-test-")
for name in [name for name in os.environ if name.startswith("SIGHTLINE_")] + ["DATABASE_URL", "REDIS_URL"]:
    os.environ.pop(name, None)
os.environ["SIGHTLINE_DATA_DIR"] = _data

from webapp.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# A file as in production: SQLite in memory shares one cache between threads, which locks whole tables.
DATABASES["default"]["TEST"] = {"NAME": f"{_data}.sqlite3"}  # noqa: F405
