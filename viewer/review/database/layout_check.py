"""Examines what carries the chain: the file as SQLite sees it, the tables, the guards against changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy
from sqlalchemy import exc, select, text

from viewer.common.text import first_line
from viewer.review.database import strings
from viewer.review.database.problem import Problem, ProblemKind
from viewer.review.database.schema import META, MIGRATIONS, READABLE, guards, is_sqlite, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

_MOST_DAMAGES = 100
_GUARDS_OF_POSTGRESQL = text(
    "SELECT tgname, tgenabled = 'O' AND prosrc LIKE '%RAISE EXCEPTION%' FROM pg_trigger"
    " JOIN pg_proc ON pg_proc.oid = tgfoid WHERE tgrelid = 'events'::regclass AND NOT tgisinternal"
)


def layout_problems(engine: Engine) -> list[Problem]:
    """What is damaged around the events."""
    problems: list[Problem] = []
    for check in (_damages, _index_problems, _guard_problems):
        try:
            with engine.connect() as connection:
                problems += check(connection)
        except exc.DBAPIError as error:
            problems.append(_damage(first_line(error.orig or error)))
    return list(dict.fromkeys(problems))  # each check may meet the same damage


def record_facts(engine: Engine) -> tuple[str | None, list[Problem]]:
    """The record's id, None where it is damaged, and what is wrong with its facts."""
    damaged = [Problem(ProblemKind.FILE, strings.FACTS_DAMAGED)]
    try:
        with engine.connect() as connection:
            facts = {row.name: row.value for row in connection.execute(select(META.c.name, META.c.value))}
    except exc.DBAPIError:
        return None, damaged
    known = {str(layout) for layout in range(1, len(MIGRATIONS) + 1)}
    whole = set(facts) == {"record", "layout", READABLE} and {facts["layout"], facts[READABLE]} <= known
    return facts.get("record"), [] if whole else damaged


def _damages(connection: Connection) -> Iterator[Problem]:
    """What SQLite's own examination finds, with pages and tables as it names them."""
    if not is_sqlite(connection):
        return
    for check in ("integrity_check", "quick_check"):
        try:
            for (found,) in connection.exec_driver_sql(f"PRAGMA {check}({_MOST_DAMAGES})"):
                for line in str(found).splitlines():
                    if line != "ok" and not line.startswith("***"):
                        yield _damage(line)
        except exc.DBAPIError as error:  # the quick one often goes on, and names the page
            yield _damage(first_line(error.orig or error))
        else:
            return


def _index_problems(connection: Connection) -> Iterator[Problem]:
    """Tables are read anyway; of the index, SQLite's examination may not say where it is damaged."""
    if not is_sqlite(connection):
        return
    try:
        connection.exec_driver_sql(
            'SELECT count("case"), sum(number) FROM events INDEXED BY events_case'
        ).all()
    except exc.DBAPIError as error:
        yield Problem(
            ProblemKind.FILE,
            strings.INDEX_DAMAGED.format(error=first_line(error.orig or error)),
            field="index",
        )


def _guard_problems(connection: Connection) -> Iterator[Problem]:
    wanted: dict[str, object]
    there: dict[str, object]
    if is_sqlite(connection):
        wanted, there = _expected_schema(), _schema(connection)
    else:
        wanted = dict.fromkeys(guards(connection), True)
        there = {str(row[0]): row[1] for row in connection.execute(_GUARDS_OF_POSTGRESQL)}
    for name in wanted:
        if there.get(name) != wanted[name]:
            yield Problem(ProblemKind.GUARD, strings.GUARD_GONE.format(name=name))
    for name in there:
        if name not in wanted:
            yield Problem(ProblemKind.GUARD, strings.GUARD_UNKNOWN.format(name=name))


def _expected_schema() -> dict[str, object]:
    engine = sqlalchemy.create_engine("sqlite://")
    try:
        with engine.begin() as connection:
            migrate(connection, 0)
            return _schema(connection)
    finally:
        engine.dispose()


def _schema(connection: Connection) -> dict[str, object]:
    found = connection.exec_driver_sql("SELECT name, type, tbl_name, sql FROM sqlite_master")
    return {str(name): (kind, table, sql) for name, kind, table, sql in found}


def _damage(error: str) -> Problem:
    return Problem(ProblemKind.FILE, strings.FILE_DAMAGED.format(error=error))
