"""Records to test on: in SQLite, and in a PostgreSQL of the system's packages, started for the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from viewer.review.database.record import open_record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from viewer.review.database.record import Record


def _programs() -> Path | None:
    """The folder of PostgreSQL's programs; Debian does not put them on the PATH."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "pg_ctl").exists()), None)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a running PostgreSQL, without a database; it listens on a socket in a folder alone."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    # The path of a socket must be short, and PostgreSQL refuses to run as root.
    folder = Path(tempfile.mkdtemp(prefix="foveola-pg-"))
    as_user: dict[str, Any] = {"cwd": folder, "timeout": 60}
    if os.geteuid() == 0:
        as_user["user"] = "postgres"
        shutil.chown(folder, "postgres")
    data = folder / "data"
    try:
        made = ["--username=reader", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        subprocess.run([programs / "initdb", "-D", data, *made], check=True, capture_output=True, **as_user)
        options = f"-c listen_addresses= -c unix_socket_directories={folder}"
        start = [programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start"]
        # The server inherits what is open: a pipe would never end.
        subprocess.run(start, check=True, stdout=subprocess.DEVNULL, **as_user)
        try:
            yield f"postgresql://reader@/{{name}}?unix_sock={folder}/.s.PGSQL.5432"
        finally:
            stop = [programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"]
            subprocess.run(stop, check=True, stdout=subprocess.DEVNULL, **as_user)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database(postgresql: str) -> str:
    """The address of an empty database."""
    import sqlalchemy

    name = f"t{uuid.uuid4().hex}"
    server = postgresql.format(name="postgres").replace("postgresql:", "postgresql+pg8000:")
    engine = sqlalchemy.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return postgresql.format(name=name)


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The place of a record that is not made yet, in either database."""
    if request.param == "sqlite":
        return str(tmp_path / "record.sqlite")
    return str(request.getfixturevalue("database"))


@pytest.fixture
def record(where: str) -> Iterator[Record]:
    """An empty record in either database."""
    with open_record(where) as opened:
        yield opened
