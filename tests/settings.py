"""The product's settings on a data folder that goes when the tests end."""

import atexit
import os
import shutil
import tempfile

_folder = tempfile.mkdtemp(prefix="tagdesk-test-")
os.environ["TAGDESK_DATA"] = _folder
for _name in (
    "DATABASE_URL",
    "REDIS_URL",
    "TAGDESK_HTTPS",
    "TAGDESK_DEBUG",
    "TAGDESK_HOSTS",
    "TAGDESK_RUN",
    "TAGDESK_FETCH",
    "TAGDESK_INTERNAL",
):
    os.environ.pop(_name, None)
# `tests/postgresql.py` gives one; else SQLite.
if _database := os.environ.get("TAGDESK_TEST_DATABASE_URL"):
    os.environ["DATABASE_URL"] = _database
atexit.register(shutil.rmtree, _folder, ignore_errors=True)

from config.settings import *  # noqa: E402, F403
from config.settings import DATABASES, SQLITE_OPTIONS, STORAGES, TAGDESK_DATA  # noqa: E402

# A file, as in the product, so that threads and worker processes see the same rows; a test needs no fsync.
SQLITE_OPTIONS["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
if not _database:
    DATABASES["default"]["TEST"] = {"NAME": TAGDESK_DATA / "test.sqlite3"}
(TAGDESK_DATA / "static").mkdir()
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
