"""Maps of other programs: ``--map`` of ``heatmap`` and of ``snapshot``."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from viewer.cli import arguments, strings, strings_help, terminal

if TYPE_CHECKING:
    import argparse

    from viewer.relevance.exchange.read_map import ImportedMap
    from viewer.slide.source import Source


def add_map_options(command: argparse.ArgumentParser) -> None:
    """Add ``--map`` and its options."""
    of_map = command.add_argument_group(strings_help.MAP_GROUP)
    of_map.add_argument("--map", metavar="FILE", type=arguments.file, help=strings_help.MAP)
    of_map.add_argument("--column", metavar="NAME", help=strings_help.MAP_COLUMN)
    of_map.add_argument("--patch-px", metavar="N", type=arguments.positive, help=strings_help.MAP_PATCH_PX)


def has_map(options: argparse.Namespace) -> bool:
    """Whether a map was given. Raises UsageError for options that do not go together."""
    if options.map is None:
        if options.column is not None or options.patch_px is not None:
            raise arguments.UsageError(strings.MAP_OPTIONS_NEED_MAP)
        return False
    if options.text is not None:
        raise arguments.UsageError(strings.QUERY_OR_MAP)
    return True


def map_over(source: Source, options: argparse.Namespace) -> ImportedMap:
    """``options.map`` over a slide; notes on it go to standard error.

    Raises UsageError where one of several columns must be chosen, FeatureFileError, and PixelSizeError where
    there are scores: outlines need no pixel size.
    """
    from viewer.relevance.analysis.open import PixelSizeError, pixel_size_of
    from viewer.relevance.exchange.read_map import read_map, stand_in_grid
    from viewer.relevance.exchange.scores import SeveralColumnsError
    from viewer.relevance.patches.grid import PatchGrid

    extent_px = source.pyramid.width, source.pyramid.height
    size, unknown = None, None
    try:
        size = pixel_size_of(source, options.mpp)
    except PixelSizeError as error:
        unknown = error
    try:
        found = read_map(
            options.map,
            extent_px,
            stand_in_grid(extent_px) if size is None else PatchGrid.over(*extent_px, size.mpp_um),
            mpp_estimated=size is not None and size.estimated,
            column=options.column,
            patch_px=options.patch_px,
        )
    except SeveralColumnsError as error:
        raise arguments.UsageError(strings.CHOOSE_COLUMN.format(error=error)) from error
    if found.field is not None and unknown is not None:
        raise unknown
    of_size = () if size is None or found.field is None else size.notes
    for note in (*of_size, *found.notes):
        terminal.write_stderr(note)
    return found


def write_map(options: argparse.Namespace) -> int:
    """Write ``options.map`` as an image that lies over the slide; returns the exit status."""
    from viewer.relevance.features.safe_hdf5 import FeatureFileError
    from viewer.relevance.heatmap.ome_tiff import write_imported
    from viewer.slide.formats.registry import open_slide

    if options.weights is not None:
        raise arguments.UsageError(strings.MAP_TAKES_NO.format(option="--weights"))
    with closing(open_slide(options.slide)) as source:
        field = map_over(source, options).field
        extent_px = source.pyramid.width, source.pyramid.height
    if field is None:
        raise FeatureFileError(options.map, strings.OUTLINES_HAVE_NO_SCORES)
    write_imported(field, options.output, extent_px=extent_px, slide_name=options.slide.name)
    return 0
