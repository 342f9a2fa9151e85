"""Protocols: what the second reader looks for in a kind of case, and what the reader answers.

Data: ``resources/protocols/general.toml`` says what each line means. A laboratory's own files, in the folder
``protocols`` of the settings, add protocols and replace those of the same name.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal, get_args

from viewer.common.errors import FoveolaError
from viewer.common.paths import config_dir
from viewer.common.text import in_words, one_line
from viewer.relevance.query.lexicon import load_lexicon
from viewer.relevance.query.parser import parse
from viewer.review import strings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

DEFAULT = "general"
SUFFIX = ".toml"
Kind = Literal["yes/no", "choice", "grade", "text"]
MAX_FINDINGS = 10_000
_MAX_BYTES = 1 << 20
_MAX_FILES = 200
_MAX_TABLES = 50
_MAX_ID = 60
_ID = re.compile(rf"[A-Za-z0-9_-]{{1,{_MAX_ID}}}")
_WITH_OPTIONS = ("choice", "grade")


class ProtocolError(FoveolaError):
    """A protocol that is not there, or cannot be used: which file, which key, and what is wrong."""


@dataclass(frozen=True, slots=True)
class ProtocolQuery:
    """Words that the second reader searches for. ``threshold``: the score, 0 to 1, from which on a place is a
    finding. ``encoder``: the id of the one that it is set for; "": of any that states none of its own."""

    text: str
    threshold: float
    encoder: str = ""


@dataclass(frozen=True, slots=True)
class ProtocolHead:
    """A class of a slide head, by its name in heads.toml. ``threshold``: of the probability of a patch."""

    name: str
    class_name: str
    threshold: float


@dataclass(frozen=True, slots=True)
class Question:
    """What the reader answers. ``options``: of a choice, and of a grade from the lowest to the highest."""

    id: str
    text: str
    kind: Kind
    options: tuple[str, ...] = ()

    @property
    def answers(self) -> tuple[str, ...]:
        """What can be answered, as it stands in the record; () for any text."""
        return ("yes", "no") if self.kind == "yes/no" else self.options


@dataclass(frozen=True, slots=True)
class FindingLimits:
    """``most``: on a slide. Those smaller than ``least_um`` are left out; nearer than ``merge_um``, two are
    one."""

    most: int
    least_um: float
    merge_um: float


@dataclass(frozen=True, slots=True)
class ReadingProtocol:
    """``name``: that of its file. ``magnification``: objective power at which ``coverage_share`` (0 to 1) of
    the tissue is to be displayed. ``digest``: SHA-256 of the file, as hexadecimal digits."""

    name: str
    title: str
    purpose: str
    limits: str
    queries: tuple[ProtocolQuery, ...]
    heads: tuple[ProtocolHead, ...]
    questions: tuple[Question, ...]
    magnification: float
    coverage_share: float
    findings: FindingLimits
    is_own: bool
    digest: str

    @property
    def is_calibrated(self) -> bool:
        """Whether all thresholds of words were set for an encoder, as a calibration does."""
        return all(query.encoder for query in self.queries)


class _WrongError(Exception):
    """What is wrong with a key."""

    def __init__(self, key: str, error: str) -> None:
        super().__init__(strings.AT_KEY.format(key=key, error=error))


def own_folder() -> Path:
    """The folder of the laboratory's own protocols. May not exist."""
    return config_dir() / "protocols"


def read_protocols() -> tuple[dict[str, ReadingProtocol], tuple[str, ...]]:
    """All protocols by name, ours first; and a sentence on each file of the laboratory's that is left out."""
    found = {
        protocol.name: protocol
        for file in sorted(
            resources.files("resources").joinpath("protocols").iterdir(),
            key=lambda one: (one.name != f"{DEFAULT}{SUFFIX}", one.name),
        )
        if file.name.endswith(SUFFIX)
        for protocol in [parse_protocol(file.name.removesuffix(SUFFIX), file.read_bytes(), is_own=False)]
    }
    problems = []
    try:
        files = sorted(own_folder().glob(f"*{SUFFIX}"))
    except OSError as error:
        return found, (strings.PROBLEM.format(path=own_folder(), error=in_words(error)),)
    if len(files) > _MAX_FILES:
        problems.append(strings.TOO_MANY.format(path=own_folder(), most=_MAX_FILES))
    for file in files[:_MAX_FILES]:
        try:
            with file.open("rb") as opened:
                data = opened.read(_MAX_BYTES + 1)
            found[file.stem] = parse_protocol(file.stem, data, is_own=True)
        except ProtocolError as error:
            problems.append(strings.PROBLEM.format(path=file, error=error))
        except OSError as error:
            reason = strings.UNREADABLE.format(error=error.strerror)
            problems.append(strings.PROBLEM.format(path=file, error=reason))
    return found, tuple(problems)


def find_protocol(name: str) -> ReadingProtocol:
    """A protocol by its name. Raises ProtocolError: there is none, or what is wrong with its file."""
    found, problems = read_protocols()
    if name in found:
        return found[name]
    path = str(own_folder() / f"{name}{SUFFIX}")
    why = next((problem for problem in problems if problem.startswith(f"{path}:")), None)
    raise ProtocolError(why or strings.NO_PROTOCOL.format(name=name, known=", ".join(found)))


def parse_protocol(name: str, data: bytes, *, is_own: bool) -> ReadingProtocol:
    """A protocol from the bytes of its file. Raises ProtocolError, naming the key that is wrong."""
    if not _ID.fullmatch(name):
        raise ProtocolError(strings.BAD_NAME.format(most=_MAX_ID))
    if len(data) > _MAX_BYTES:
        raise ProtocolError(strings.TOO_LARGE)
    try:
        table = tomllib.loads(data.decode("utf-8-sig"))
        return _protocol(name, table, is_own=is_own, digest=hashlib.sha256(data).hexdigest())
    except _WrongError as error:
        raise ProtocolError(str(error)) from None
    except (ValueError, RecursionError) as error:
        raise ProtocolError(strings.UNREADABLE.format(error=one_line(str(error)))) from error


def _protocol(name: str, table: Mapping[str, Any], *, is_own: bool, digest: str) -> ReadingProtocol:
    top = _Table(
        "", table, ("title", "purpose", "limits", "query", "head", "question", "coverage", "findings")
    )
    coverage = top.table("coverage", ("magnification", "share"))
    findings = top.table("findings", ("most", "least_um", "merge_um"))
    queries = tuple(map(_query, top.tables("query", ("text", "threshold", "encoder"))))
    heads = tuple(
        ProtocolHead(head.text("name"), head.text("class"), head.number("threshold", 0, 1))
        for head in top.tables("head", ("name", "class", "threshold"))
    )
    questions = tuple(map(_question, top.tables("question", ("id", "text", "kind", "options"))))
    _check_once("question", "id", [one.id for one in questions])
    _check_once("query", "text", [one.text for one in queries])
    if not (queries or heads or questions):
        raise _WrongError("question", strings.NOTHING_ASKED)
    return ReadingProtocol(
        name,
        top.text("title"),
        top.text("purpose"),
        top.text("limits"),
        queries,
        heads,
        questions,
        coverage.number("magnification", 0.1, 400),
        coverage.number("share", 0, 1),
        FindingLimits(
            findings.whole("most", 1, MAX_FINDINGS),
            findings.number("least_um", 0, 1e5),
            findings.number("merge_um", 0, 1e5),
        ),
        is_own,
        digest,
    )


def _query(table: _Table) -> ProtocolQuery:
    query = ProtocolQuery(
        table.text("text"), table.number("threshold", 0, 1), table.text("encoder", optional=True)
    )
    # Words that the lexicon lacks may be known to an encoder that reads any: only what is no query is
    # refused.
    parsed = parse(query.text, load_lexicon())
    if parsed.query is None:
        problem = " ".join(problem.sentence for problem in parsed.problems if not problem.note)
        raise _WrongError(
            table.key("text"), strings.NO_QUERY.format(text=one_line(query.text), problem=problem)
        )
    return query


def _question(table: _Table) -> Question:
    question_id, kind = table.text("id"), table.text("kind")
    if not _ID.fullmatch(question_id):
        raise _WrongError(table.key("id"), strings.BAD_ID.format(most=_MAX_ID, value=question_id))
    for known in get_args(Kind):
        if kind == known:
            options = table.options("options", needed=kind in _WITH_OPTIONS)
            return Question(question_id, table.text("text"), known, options)
    raise _WrongError(table.key("kind"), strings.NOT_KIND.format(known=", ".join(get_args(Kind)), value=kind))


def _check_once(table: str, key: str, values: Collection[str]) -> None:
    seen: set[str] = set()
    for number, value in enumerate(values, 1):
        if value in seen:
            raise _WrongError(f"{table} {number}: {key}", strings.TWICE.format(value=value))
        seen.add(value)


class _Table:
    """A table whose values are checked; ``where``: its place, for messages. Raises _WrongError."""

    def __init__(self, where: str, values: Mapping[str, Any], known: Collection[str]) -> None:
        self._where, self._values = where, values
        for name in values:
            if name not in known:
                raise _WrongError(self.key(name), strings.UNKNOWN_KEY.format(known=", ".join(known)))

    def key(self, name: str) -> str:
        return f"{self._where}: {name}" if self._where else name

    def text(self, name: str, *, optional: bool = False) -> str:
        if optional and name not in self._values:
            return ""
        value = self._value(name)
        if not isinstance(value, str) or not value.strip():
            raise _WrongError(self.key(name), strings.NOT_TEXT.format(value=value))
        return value

    def number(self, name: str, low: float, high: float) -> float:
        return float(
            self._number(name, low, high, strings.NOT_NUMBER, lambda value: isinstance(value, int | float))
        )

    def whole(self, name: str, low: int, high: int) -> int:
        return int(self._number(name, low, high, strings.NOT_WHOLE, lambda value: isinstance(value, int)))

    def options(self, name: str, *, needed: bool) -> tuple[str, ...]:
        if not needed:
            if name in self._values:
                raise _WrongError(self.key(name), strings.NO_OPTIONS)
            return ()
        value = self._value(name)
        texts = (
            value
            if isinstance(value, list) and all(isinstance(one, str) and one.strip() for one in value)
            else []
        )
        if len(texts) < 2 or len(set(texts)) < len(texts):
            raise _WrongError(self.key(name), strings.NOT_OPTIONS.format(value=value))
        return tuple(texts)

    def table(self, name: str, known: Collection[str]) -> _Table:
        value = self._value(name)
        if not isinstance(value, dict):
            raise _WrongError(self.key(name), strings.NOT_TABLE.format(key=name))
        return _Table(name, value, known)

    def tables(self, name: str, known: Collection[str]) -> list[_Table]:
        value = self._values.get(name, [])
        is_list = isinstance(value, list) and all(isinstance(one, dict) for one in value)
        if not is_list or len(value) > _MAX_TABLES:
            raise _WrongError(self.key(name), strings.NOT_TABLES.format(key=name, most=_MAX_TABLES))
        return [_Table(f"{name} {number}", one, known) for number, one in enumerate(value, 1)]

    def _number(
        self, name: str, low: float, high: float, wrong: str, is_kind: Callable[[object], bool]
    ) -> int | float:
        value = self._value(name)
        if not is_kind(value) or isinstance(value, bool) or not low <= value <= high:
            raise _WrongError(self.key(name), wrong.format(low=low, high=high, value=value))
        number: int | float = value
        return number

    def _value(self, name: str) -> Any:
        if name not in self._values:
            raise _WrongError(self.key(name), strings.MISSING)
        return self._values[name]


# Thresholds, as a calibration sets them


def with_thresholds(protocol: ReadingProtocol, thresholds: Mapping[str, tuple[float, str]]) -> bytes:
    """The file of a protocol with other thresholds: by the text of a query, one and the id of the encoder
    that it is for. The rest of the file stays as it is, comments too."""
    import tomlkit  # slow to import, and nothing else here needs it

    folder = own_folder() if protocol.is_own else resources.files("resources").joinpath("protocols")
    text = folder.joinpath(f"{protocol.name}{SUFFIX}").read_text(encoding="utf-8-sig")
    document: Any = tomlkit.parse(text)
    for query in document["query"]:
        if query["text"] in thresholds:
            query["threshold"], query["encoder"] = thresholds[query["text"]]
    return tomlkit.dumps(document).encode()
