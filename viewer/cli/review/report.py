"""``foveola review report``: the report of a case as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viewer.cli import arguments, terminal
from viewer.cli.review import strings, strings_report

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


def add_commands(add: Callable[..., Any], kinds: Any) -> None:
    """Add the commands below ``review``."""
    command = add("report", _report, strings_report.REPORT, into=kinds)
    command.add_argument("case", metavar="CASE", help=strings_report.CASE)
    command.add_argument(
        "-o",
        "--output",
        metavar="FILE.pdf|.html|.json",
        required=True,
        type=arguments.saved_as(".pdf", ".html", ".json"),
        help=strings_report.OUTPUT,
    )
    command.add_argument("--titles", action="store_true", help=strings_report.TITLES)
    command.add_argument("--template", metavar="FOLDER", type=arguments.file, help=strings_report.TEMPLATE)
    command.add_argument("--record", metavar="FILE|URL", help=strings.RECORD)


def _report(options: argparse.Namespace) -> int:
    from viewer.cli.output import check_output
    from viewer.common.progress import progress_bar
    from viewer.review.database.record import open_record
    from viewer.review.report.write import write_report

    with open_record(options.record, create=False) as record, progress_bar(strings_report.DRAWING) as bar:
        check_output(options.output, record.file, what=strings_report.THE_RECORD)
        if record.notice:
            terminal.write_stderr(record.notice)
        write_report(
            record,
            options.case,
            options.output,
            titles=options.titles,
            template=options.template,
            progress=bar,
        )
    terminal.write_stdout(strings_report.WRITTEN.format(path=options.output))
    return 0
