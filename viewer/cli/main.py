"""The ``foveola`` command: parses arguments, calls the room that does the work, prints errors as one line.

Commands import what they need when they run, so that ``--help`` is instant. Exit status: 0 done, 1 failed,
2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import sys
import traceback
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import viewer
from gpu.errors import GpuError
from viewer import RESEARCH_USE
from viewer.cli import arguments, strings, strings_help, terminal
from viewer.cli import encoders as cli_encoders
from viewer.cli import heatmap as cli_heatmap
from viewer.cli import index as cli_index
from viewer.cli import models as cli_models
from viewer.cli import pretrain as cli_pretrain
from viewer.cli import query as cli_query
from viewer.cli import review as cli_review
from viewer.cli import snapshot as cli_snapshot
from viewer.cli import train as cli_training
from viewer.cli import train_encoder as cli_train_encoder
from viewer.cli.output import card_with_terms, scale_of_reader
from viewer.common.log import described
from viewer.common.text import one_line
from viewer.relevance.encoders.card import MEASURED_ID
from viewer.slide.locator import Locator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

EPILOG = strings_help.EPILOG.format(research_use=RESEARCH_USE)


class _Parser(argparse.ArgumentParser):
    """A parser with errors of one line. Options are not abbreviated: the next new one could break that.

    ``mixed``: options may stand between arguments of which the last may be missing.
    """

    def __init__(self, *, mixed: bool = False, **more: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **more})
        self._mixed = mixed

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """As in argparse, which by itself takes the optional argument as missing at the first option."""
        if not self._mixed or "--" in (args or ()):  # after "--" there are no options to stand between
            return super().parse_known_args(args, namespace)
        self._mixed = False  # the next line calls this method again
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._mixed = True

    def error(self, message: str) -> NoReturn:
        self.exit(2, strings.SEE_HELP.format(command=self.prog, error=one_line(message)) + "\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    terminal.escape_unencodable()
    options = _parser().parse_args(_with_command(list(sys.argv[1:] if argv is None else argv)))
    try:
        with _unwound_by_signals():
            return int(options.run(options))
    except KeyboardInterrupt:
        terminal.write_stderr(strings.INTERRUPTED)
        return 1
    except BrokenPipeError:
        terminal.discard_output()  # the reader of the pipe has closed it, which is no error
        return 1
    except arguments.UsageError as error:
        terminal.write_stderr(str(error))
        return 2
    except GpuError as error:  # with a message as well; gpu imports nothing of the viewer
        terminal.write_stderr(str(error))
        return 1
    except Exception as error:
        if options.debug:
            traceback.print_exc()
        terminal.write_stderr(described(error))
        return 1


@contextmanager
def _unwound_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end a command as Ctrl+C does: it removes its unfinished files.

    A signal that is ignored, as under nohup, stays ignored.
    """
    names = ("SIGTERM", "SIGHUP")  # Windows has no SIGHUP
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    replaced = [number for number in numbers if signal.getsignal(number) == signal.SIG_DFL]
    for number in replaced:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in replaced:
            signal.signal(number, signal.SIG_DFL)


# Arguments


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="foveola",
        description=strings_help.DESCRIPTION,
        epilog=EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"foveola {viewer.__version__}")
    debug: dict[str, Any] = {"action": "store_true", "help": strings_help.DEBUG}
    parser.add_argument("--debug", **debug)
    common = argparse.ArgumentParser(add_help=False)
    # Suppressed: after the command, the default must not replace the value given before the command.
    common.add_argument("--debug", default=argparse.SUPPRESS, **debug)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(name: str, run: Callable[[argparse.Namespace], int], help_text: str, **more: Any) -> _Parser:
        into = more.pop("into", commands)
        command: _Parser = into.add_parser(
            name, help=help_text, description=help_text, epilog=EPILOG, parents=[common], **more
        )
        command.set_defaults(run=run)
        return command

    command = add("open", _open, strings_help.OPEN)
    command.add_argument("paths", metavar="PATH", nargs="*", type=Locator.parse)

    add("demo", _demo, strings_help.DEMO)

    command = add("doctor", _doctor, strings_help.DOCTOR)
    command.add_argument("--json", action="store_true", help=strings_help.JSON)

    command = add("info", _info, strings_help.INFO)
    command.add_argument("slide", metavar="SLIDE", type=arguments.slide)
    command.add_argument("--json", action="store_true", help=strings_help.JSON)

    command = add("phantom", _phantom, strings_help.PHANTOM)
    command.add_argument("file", metavar="FILE", type=arguments.file)
    command.add_argument(
        "--size", metavar="N", required=True, type=arguments.count, help=strings_help.PHANTOM_SIZE
    )
    command.add_argument(
        "--seed", metavar="S", type=arguments.seed, default=0, help=strings_help.PHANTOM_SEED
    )
    command.add_argument("--focus", metavar="UM", type=arguments.positive, help=strings_help.PHANTOM_FOCUS)

    for group in (
        cli_snapshot,
        cli_query,
        cli_index,
        cli_encoders,
        cli_models,
        cli_heatmap,
        cli_training,
        cli_train_encoder,
        cli_pretrain,
        cli_review,
    ):
        group.add_command(add)

    bench = commands.add_parser(
        "bench", help=strings_help.BENCH, description=strings_help.BENCH, epilog=EPILOG
    )
    kinds = bench.add_subparsers(dest="bench_command", metavar="WHAT", required=True)
    command = add("navigate", _bench_navigate, strings_help.BENCH_NAVIGATE, into=kinds)
    command.add_argument("slide", metavar="SLIDE", type=Path)
    command.add_argument("--trace", metavar="FILE.json", type=Path, help=strings_help.TRACE)
    command.add_argument(
        "--size", metavar="WxH", type=arguments.size, default=(1280, 800), help=strings_help.VIEW_SIZE
    )
    command.add_argument("--json", action="store_true", help=strings_help.JSON)
    command = add("decode", _bench_decode, strings_help.BENCH_DECODE, into=kinds)
    command.add_argument("slide", metavar="SLIDE", type=Path)
    command.add_argument("--json", action="store_true", help=strings_help.JSON)
    command = add("encode", _bench_encode, strings_help.BENCH_ENCODE, into=kinds)
    command.add_argument(
        "--encoder", metavar="ID", default="hipt", help=strings_help.ENCODER.format(default="hipt")
    )
    command.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help=strings_help.BENCH_DEVICE)
    command.add_argument("--slide", metavar="SLIDE", type=Path, help=strings_help.BENCH_SLIDE)
    command.add_argument("--compile", action="store_true", help=strings_help.COMPILE)
    command.add_argument("--json", action="store_true", help=strings_help.JSON)
    command = add("ranking", _bench_ranking, strings_help.BENCH_RANKING, into=kinds)
    command.add_argument("slides", metavar="SLIDE", nargs="+", type=Path)
    command.add_argument(
        "--encoder", metavar="ID", default=MEASURED_ID, help=strings_help.ENCODER.format(default=MEASURED_ID)
    )
    command.add_argument("--regions", metavar="FILE.geojson", type=Path, help=strings_help.REGIONS)
    command.add_argument("--examples", action="store_true", help=strings_help.RANK_BY_EXAMPLES)
    command.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help=strings_help.BENCH_DEVICE)
    command.add_argument("--json", action="store_true", help=strings_help.JSON)
    return parser


_NEGATIVE = re.compile(r"-[\d.]")
COMMANDS = (
    *("open", "demo", "doctor", "info", "snapshot", "phantom", "bench"),
    *("query", "heatmap", "index", "encoders", "models", "train-head", "train-encoder", "pretrain", "review"),
)


def _with_command(words: list[str]) -> list[str]:
    """The arguments, with ``open`` inserted where they name no command: ``foveola a.svs``, ``foveola``."""
    for index, word in enumerate(words):
        if word in COMMANDS or word in {"-h", "--help", "--version"}:
            return _with_joined_values(words)
        if word != "--debug":
            return [*words[:index], "open", *words[index:]]
    return [*words, "open"]


def _with_joined_values(words: list[str]) -> list[str]:
    """``--center -5,20`` as ``--center=-5,20``: argparse would take a negative value for an option."""
    joined: list[str] = []
    for word in words:
        follows = (
            bool(joined)
            and joined[-1] in {"--center", "--rotate", "--like", "--unlike"}
            and "--" not in joined
        )
        if follows and _NEGATIVE.match(word):
            joined[-1] = f"{joined[-1]}={word}"
        else:
            joined.append(word)
    return joined


# Commands


def _open(options: argparse.Namespace) -> int:
    from viewer.ui.shell.app import run

    return run(options.paths)


def _demo(_options: argparse.Namespace) -> int:
    from viewer.ui.shell.demo import run_demo

    return run_demo()


def _doctor(options: argparse.Namespace) -> int:
    from viewer.cli import doctor

    findings = doctor.examine()
    terminal.write_stdout(
        json.dumps(doctor.as_data(findings), indent=2) if options.json else doctor.report(findings)
    )
    return 0 if doctor.healthy(findings) else 1


def _info(options: argparse.Namespace) -> int:
    from viewer.slide.facts import facts_as_text, slide_facts
    from viewer.slide.formats.registry import open_for_viewing

    with closing(open_for_viewing(options.slide)) as source:
        facts = slide_facts(source, scale_of_reader(source))
    terminal.write_stdout(json.dumps(facts, indent=2) if options.json else facts_as_text(facts))
    return 0


def _phantom(options: argparse.Namespace) -> int:
    from viewer.common.progress import progress_bar
    from viewer.slide.phantom.slide import MAX_SIZE_PX, MIN_SIZE_PX, focus_range_um, write_phantom

    if not MIN_SIZE_PX <= options.size <= MAX_SIZE_PX:
        raise arguments.UsageError(
            strings.PHANTOM_SIZE.format(least=MIN_SIZE_PX, most=MAX_SIZE_PX, size=options.size)
        )
    least, most = focus_range_um(options.size)
    if options.focus is not None and not least <= options.focus <= most:
        raise arguments.UsageError(
            strings.PHANTOM_FOCUS.format(size=options.size, least=least, most=most, focus=options.focus)
            if least <= most
            else strings.PHANTOM_WITHOUT_FOCUS.format(size=options.size)
        )
    with progress_bar(strings.WRITING) as progress:
        write_phantom(
            options.file,
            size_px=options.size,
            seed=options.seed,
            focus_um=options.focus,
            progress=progress,
        )
    return 0


def _bench_navigate(options: argparse.Namespace) -> int:
    from viewer.bench.navigate import navigate, read_trace
    from viewer.common.progress import progress_bar
    from viewer.common.settings import Settings

    trace = read_trace(options.trace) if options.trace else None
    with progress_bar(strings.REPLAYING) as progress:
        figures = navigate(
            options.slide, settings=Settings.load(), trace=trace, size_px=options.size, progress=progress
        )
    _print_figures(figures, as_json=options.json)
    return 0


def _bench_decode(options: argparse.Namespace) -> int:
    from viewer.bench.decode import bench_decode

    _print_figures(bench_decode(options.slide), as_json=options.json)
    return 0


def _bench_encode(options: argparse.Namespace) -> int:
    from viewer.bench.encode import bench_encode

    figures = bench_encode(
        options.encoder, device=options.device, slide=options.slide, compiled=options.compile
    )
    _print_figures(figures, as_json=options.json)
    return 0


def _bench_ranking(options: argparse.Namespace) -> int:
    from viewer.bench.ranking import bench_ranking
    from viewer.common.progress import progress_bar

    if options.regions is not None and len(options.slides) > 1:
        raise arguments.UsageError(strings.REGIONS_OF_ONE)
    card_with_terms(options.encoder)
    with progress_bar(strings.ANALYSING) as progress:
        figures = bench_ranking(
            options.slides,
            options.encoder,
            regions_file=options.regions,
            by_examples=options.examples,
            device=options.device,
            progress=progress,
        )
    flat = figures if options.json else {**figures, **figures["slides"], "slides": len(options.slides)}
    _print_figures(flat, as_json=options.json)
    return 0


def _print_figures(figures: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        terminal.write_stdout(json.dumps(figures, indent=2))
        return
    lines = []
    for name, value in figures.items():
        parts = value.items() if isinstance(value, dict) else [("", value)]
        shown = "  ".join(f"{part} {_figure(number)}".strip() for part, number in parts)
        lines.append(f"{name:<20} {shown}")
    terminal.write_stdout("\n".join(lines))


def _figure(value: object) -> str:
    if value is None:
        return strings.NOT_MEASURED
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
