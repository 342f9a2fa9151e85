"""``foveola snapshot``: a part of a slide as a picture, without a display."""

from __future__ import annotations

import json
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from viewer.cli import arguments, strings, strings_help, terminal
from viewer.cli import maps as cli_map
from viewer.cli.output import check_output, scale_of_reader
from viewer.cli.query import answer_to
from viewer.common.scale import magnification_from_downsample
from viewer.overlay.strings import ALL_ANALYSED
from viewer.render.strings import ICC_PROFILE

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from viewer.overlay.layer import Overlay, OverlayLook
    from viewer.overlay.legend_entry import LegendEntry
    from viewer.overlay.outlines import Outlines
    from viewer.relevance.patches.field import RelevanceField
    from viewer.render.margin import PictureFacts
    from viewer.slide.source import Source


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What lies over a snapshot: a field as an overlay, outlines, or both, each None where there is none, and
    their entries in its margin."""

    field: RelevanceField | None
    overlay: Overlay | None
    outlines: Outlines | None
    entries: tuple[LegendEntry, ...]


BIG_PICTURE_PX = 4_000_000  # a smaller snapshot takes about a second and has no progress bar


def add_command(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the command to a parser; ``add(name, run, help)`` gives one."""
    command = add("snapshot", _snapshot, strings_help.SNAPSHOT)
    command.add_argument("slide", metavar="SLIDE", type=arguments.slide)
    command.add_argument(
        "--center", metavar="X,Y", required=True, type=arguments.point, help=strings_help.CENTER
    )
    command.add_argument(
        "--downsample", metavar="D", required=True, type=arguments.positive, help=strings_help.DOWNSAMPLE
    )
    command.add_argument(
        "--size", metavar="WxH", required=True, type=arguments.size, help=strings_help.PICTURE_SIZE
    )
    command.add_argument(
        "--rotate", metavar="DEG", type=arguments.number, default=0.0, help=strings_help.ROTATE
    )
    command.add_argument("--icc", action="store_true", help=strings_help.ICC)
    command.add_argument("--query", metavar="TEXT", dest="text", help=strings_help.SNAPSHOT_QUERY)
    command.add_argument("--overlay", metavar="COLOURS", nargs="?", const="", help=strings_help.OVERLAY)
    arguments.add_analysis_options(command)
    cli_map.add_map_options(command)
    command.add_argument("--no-margin", action="store_true", help=strings_help.NO_MARGIN)
    command.add_argument("-o", "--output", metavar="FILE.png", required=True, type=arguments.png_path)


def _snapshot(options: argparse.Namespace) -> int:
    from viewer.common.progress import progress_bar
    from viewer.render.margin import with_margin
    from viewer.render.snapshot import save_png, snapshot
    from viewer.slide.formats.registry import open_slide

    output: Path = options.output
    bar: AbstractContextManager[Callable[[float, float], None] | None] = nullcontext()
    if options.size[0] * options.size[1] >= BIG_PICTURE_PX:
        bar = progress_bar(strings.RENDERING)
    with closing(open_slide(options.slide)) as source:
        check_output(output, options.slide.path)
        drawn = _overlay_for(options, source)
        with bar as progress:
            picture = snapshot(
                source,
                center=options.center,
                downsample=options.downsample,
                size=options.size,
                rotate_deg=options.rotate,
                icc=options.icc,
                overlays=() if drawn is None or drawn.overlay is None else (drawn.overlay,),
                shapes=None if drawn is None or drawn.outlines is None else drawn.outlines.shapes,
                progress=progress,
            )
        facts = _picture_facts(source, options, drawn)
    metadata = facts.metadata()
    if drawn is not None and drawn.field is not None:
        metadata["Overlay"] = json.dumps(drawn.field.provenance.as_facts())
    failed = picture.info["failed_tiles"]
    if failed:
        template = strings.ONE_TILE_FAILED if failed == 1 else strings.TILES_FAILED
        metadata["Warning"] = template.format(count=failed)
    bare = drawn is None or options.no_margin
    save_png(picture if bare else with_margin(picture, facts), output, metadata)
    if failed:
        terminal.write_stderr(
            strings.FIRST_FAILURE.format(
                path=output, warning=metadata["Warning"], failure=picture.info["first_failure"]
            )
        )
    return 0


def _picture_facts(
    source: Source,
    options: argparse.Namespace,
    drawn: _Drawn | None,
) -> PictureFacts:
    from viewer.render.margin import PictureFacts

    mpp_um, is_estimated = source.info.mpp_um, False
    if drawn is not None and drawn.field is not None:
        mpp_um, is_estimated = drawn.field.provenance.mpp_um, drawn.field.provenance.mpp_estimated
    elif options.mpp is not None:
        mpp_um = options.mpp, options.mpp * source.pyramid.pixel_aspect
    elif given := scale_of_reader(source):
        mpp_um, is_estimated = given.mpp_um, given.estimated
    return PictureFacts(
        slide_name=options.slide.name,
        centre=options.center,
        downsample=options.downsample,
        rotation_deg=options.rotate,
        magnification=magnification_from_downsample(
            options.downsample, objective_power=source.info.objective_power, mpp_um=mpp_um
        ),
        um_per_px=None if mpp_um is None else mpp_um[0] * options.downsample,
        is_estimated=is_estimated,
        changes=(ICC_PROFILE,) if options.icc else (),
        layers=() if drawn is None else drawn.entries,
    )


def _overlay_for(options: argparse.Namespace, source: Source) -> _Drawn | None:
    """What a snapshot's ``--query`` or ``--map`` lays over it; None without them.

    Raises UsageError for colours without a field, an encoder without a query, and for unknown colours.
    """
    has_map = cli_map.has_map(options)
    if options.text is None and options.encoder is not None:
        raise arguments.UsageError(strings.ENCODER_NEEDS_QUERY)
    if options.text is None and not has_map:
        if options.overlay is not None:
            raise arguments.UsageError(strings.OVERLAY_NEEDS)
        return None
    from viewer.common.settings import Settings
    from viewer.overlay.layer import OverlayLook

    chosen = Settings.load().overlay
    try:
        look = replace(
            OverlayLook.of(chosen), colour_map=options.overlay or chosen.colour_map, flashlight_px=None
        )
    except ValueError as error:
        raise arguments.UsageError(str(error)) from error
    return _map_drawn(options, source, look) if has_map else _query_drawn(options, look)


def _query_drawn(options: argparse.Namespace, look: OverlayLook) -> _Drawn:
    from viewer.overlay.from_field import layer_from_field
    from viewer.overlay.layer import Overlay
    from viewer.overlay.legend_entry import field_entry

    answer = answer_to(options)
    field, look = answer.field, look.above(answer.judgement.threshold)
    means = answer.judgement.of_drawn
    entry = field_entry(field, look, options.text, state=_state(field), meaning=means)
    return _Drawn(field, Overlay("query", layer_from_field(field), look), None, (entry,))


def _map_drawn(options: argparse.Namespace, source: Source, look: OverlayLook) -> _Drawn:
    from viewer.overlay.from_field import layer_from_field
    from viewer.overlay.layer import Overlay
    from viewer.overlay.legend_entry import field_entry, outlines_entry

    found, overlay, entries = cli_map.map_over(source, options), None, []
    if found.outlines is not None:
        entries.append(outlines_entry(found.outlines, options.map.name, found.producer))
    if found.field is not None:
        overlay = Overlay("map", layer_from_field(found.field), look)
        entries.append(field_entry(found.field, look, options.map.name, imported=True))
    return _Drawn(found.field, overlay, found.outlines, tuple(entries))


def _state(field: RelevanceField) -> str:
    missing = int((~field.known).sum())
    template = strings.ONE_PATCH_NOT_ANALYSED if missing == 1 else strings.PATCHES_NOT_ANALYSED
    return template.format(count=missing) if missing else ALL_ANALYSED
