"""``foveola review study-export`` and ``analyse``: reader studies as a table, and their figures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from viewer import RESEARCH_USE_STATEMENT
from viewer.cli import arguments, strings_help, terminal
from viewer.cli.output import check_output
from viewer.cli.review import strings
from viewer.cli.review import strings_study as texts
from viewer.common.text import escape_control

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping


def add_commands(add: Callable[..., Any], kinds: Any) -> None:
    """Add the commands below ``review``."""
    command = add("study-export", _export, texts.EXPORT, into=kinds)
    command.add_argument("-o", "--output", metavar="FILE.csv", required=True, type=arguments.file)
    command.add_argument("--record", metavar="FILE|URL", help=strings.RECORD)
    command = add("analyse", _analyse, texts.ANALYSE, into=kinds)
    command.add_argument("file", metavar="FILE.csv", type=arguments.file)
    command.add_argument("--question", metavar="ID", default="", help=texts.QUESTION)
    command.add_argument("--positive", metavar="ANSWER", default="", help=texts.POSITIVE)
    command.add_argument("--plots", metavar="FOLDER", type=arguments.file, help=texts.PLOTS)
    command.add_argument("--json", action="store_true", help=strings_help.JSON)


def _export(options: argparse.Namespace) -> int:
    from viewer.common.atomic_write import save_atomically
    from viewer.review.database.record import open_record
    from viewer.review.study import as_csv, study_rows

    check_output(options.output, None)
    with open_record(options.record, create=False) as record:
        rows = study_rows(record)
    save_atomically(options.output, as_csv(rows).encode())
    terminal.write_stdout(texts.EXPORTED.format(file=options.output, count=len(rows)))
    return 0


def _analyse(options: argparse.Namespace) -> int:
    from viewer.common.atomic_write import save_atomically
    from viewer.review.statistics.plots import changes_svg, roc_svg
    from viewer.review.statistics.study_figures import study_figures
    from viewer.review.study import read_csv

    figures = study_figures(read_csv(options.file), options.question, options.positive)
    if options.plots is not None:
        for name, plot in (("roc.svg", roc_svg(figures)), ("changes.svg", changes_svg(figures))):
            if plot:
                save_atomically(options.plots / name, plot.encode())
    if options.json:
        terminal.write_stdout(json.dumps({"research_use": RESEARCH_USE_STATEMENT, **figures}, indent=2))
    else:
        lines = (*_lines(figures), RESEARCH_USE_STATEMENT)
        terminal.write_stdout("\n".join(escape_control(line) for line in lines))
    return 0


def _lines(figures: Mapping[str, Any]) -> list[str]:
    lines = [texts.HEAD.format(count=len(figures["readers"]), **figures)]
    for name, way in figures["ways"].items():
        lines += ["", texts.WAY.format(way=name)]
        for reader, one in way["readers"].items():
            area = texts.NOT_KNOWN if one["auc"] is None else f"{one['auc']:.3f}"
            sensitivity, specificity = _figure(one["sensitivity"]), _figure(one["specificity"])
            lines.append(
                texts.READER.format(reader=reader, auc=area, sensitivity=sensitivity, specificity=specificity)
            )
            positive, negative = _figure(one["positive_ratio"]), _figure(one["negative_ratio"])
            lines.append(texts.RATIOS.format(positive=positive, negative=negative))
        if way["agreement"] is not None:
            lines.append(texts.AGREEMENT.format(kappa=_figure(way["agreement"]), **way["agreement"]))
    lines += ["", texts.CHANGES]
    for reader, changes in figures["changes"].items():
        counts = ", ".join(f"{kind} {count}" for kind, count in changes.items()) or texts.NOT_KNOWN
        lines.append(texts.READER_CHANGES.format(reader=reader, counts=counts))
    several = figures["multi_reader"]
    if several is not None:
        first, second = several["ways"]
        lines += ["", texts.COMPARED.format(first=first, second=second, cases=several["case_count"])]
        for key, sentence in texts.COMPARISONS.items():
            lines.append(sentence.format(**several[key]))
    return [*lines, "", *figures["notes"]]


def _figure(figure: Mapping[str, Any] | None) -> str:
    if figure is None:
        return texts.NOT_KNOWN
    if figure["low"] is None:
        return f"{figure['value']:.2f}"
    return texts.WITH_INTERVAL.format(**figure)
