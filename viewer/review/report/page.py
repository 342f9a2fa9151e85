"""A report as one HTML file, from templates that a laboratory may change. They are not trusted.

Jinja2's sandbox keeps them from Python; everything is escaped; of the record's texts, controls and marks that
turn the direction of text are shown as codes. What a laboratory does not have in its folder is ours.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import TYPE_CHECKING, Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from viewer import RESEARCH_USE_STATEMENT
from viewer.common.errors import FoveolaError
from viewer.common.paths import config_dir
from viewer.common.scale import format_length
from viewer.common.text import first_line
from viewer.review.report import strings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

MAIN = "report.html"
_SHIPPED = "shipped"
_MOST_REPEATED = 1_000_000
_LONGEST_TEXT = 1500
_KEPT = "\n\t"
_NOT_SHOWN = "Cc", "Cs", "Zl", "Zp", "Cn", "Co"
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of text, so that it reads as something else (UAX #9)."""


class TemplateError(FoveolaError):
    """A template that fails: which file and line, and why."""


class _Environment(ImmutableSandboxedEnvironment):
    """Without products and powers that fill the memory."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        sides = left, right
        if operator == "**" or any(isinstance(side, str | bytes | list | tuple) for side in sides):
            size = max((len(side) for side in sides if hasattr(side, "__len__")), default=2)
            times = max((abs(side) for side in sides if isinstance(side, int | float)), default=0)
            if size * times > _MOST_REPEATED:
                raise jinja2.exceptions.SecurityError(strings.TOO_MUCH.format(most=_MOST_REPEATED))
        return super().call_binop(context, operator, left, right)


def own_folder() -> Path:
    """The folder of the laboratory's own templates. May not exist."""
    return config_dir() / "report_templates"


def page(facts: Mapping[str, Any], folder: Path | None) -> str:
    """The report as HTML. ``folder``: of templates that go before ours; None: the laboratory's, where there
    is one. ``shipped/report.html`` is ours in any case. Raises TemplateError."""
    if folder is not None and not folder.is_dir():
        raise TemplateError(strings.NO_FOLDER.format(folder=folder))
    if folder is not None and not (folder / MAIN).is_file():
        raise TemplateError(strings.NO_TEMPLATE.format(folder=folder, name=MAIN))
    shipped = jinja2.PackageLoader("resources", "report_templates")
    own = jinja2.FileSystemLoader(folder or own_folder())
    environment = _Environment(
        loader=jinja2.ChoiceLoader([own, shipped, jinja2.PrefixLoader({_SHIPPED: shipped})]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "time": _time,
        "length_um": format_length,
        "percent": _percent,
        "duration": _duration,
    }
    try:
        html = environment.get_template(MAIN).render(_plain(facts))
    except jinja2.TemplateSyntaxError as error:
        file = error.filename or error.name or MAIN
        raise _failure(file, error.lineno, error) from error
    except Exception as error:  # a template may do anything
        raise _failure(*_place(error.__traceback__), error) from error
    if RESEARCH_USE_STATEMENT not in html:
        file = str(folder or own_folder()) + "/" + MAIN
        raise TemplateError(strings.NO_STATEMENT.format(file=file, statement=RESEARCH_USE_STATEMENT))
    return html


def _failure(file: str, line: int, error: Exception) -> TemplateError:
    return TemplateError(strings.TEMPLATE_FAILED.format(file=file, line=line, error=first_line(error)))


def _place(trace: TracebackType | None) -> tuple[str, int]:
    """The innermost line of a template; Jinja2 puts its own files and lines into the traceback."""
    place = MAIN, 1
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.endswith(".py"):
            place = file, trace.tb_lineno
        trace = trace.tb_next
    return place


def _plain(value: Any) -> Any:
    """The same with the texts safe to show."""
    if isinstance(value, str):
        cut = strings.CUT if len(value) > _LONGEST_TEXT else ""
        return "".join(map(_shown, value[:_LONGEST_TEXT])) + cut
    if isinstance(value, dict):
        return {key: one if key == "picture" else _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _shown(letter: str) -> str:
    """The letter, or its code where it cannot be shown or changes how others are."""
    is_hidden = letter in _TURNING or unicodedata.category(letter) in _NOT_SHOWN
    return f"⟨U+{ord(letter):04X}⟩" if is_hidden and letter not in _KEPT else letter


def _time(utc: str) -> str:
    """ "2026-12-01 03:43:48 UTC"; other text as it is."""
    try:
        return datetime.fromisoformat(utc).strftime("%Y-%m-%d %H:%M:%S UTC")
    except ValueError:
        return utc


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f}\u00a0%"


def _duration(time_s: float) -> str:
    minutes, seconds = divmod(round(time_s), 60)
    return f"{minutes}\u00a0min {seconds}\u00a0s" if minutes else f"{seconds}\u00a0s"
