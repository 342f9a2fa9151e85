"""Parts that other installed packages bring by entry points. Registries alone load them, each its own group.

A package declares, in its ``pyproject.toml``::

    [project.entry-points."foveola.encoders"]
    my_encoder = "my_package.encoder:ENTRY"

The groups are ``foveola.encoders``, ``foveola.slide_formats``, ``foveola.map_formats`` and
``foveola.panels``. The registry of a group states what its entries must be.
"""

from __future__ import annotations

import logging
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from viewer import strings

log = logging.getLogger("foveola.plugins")


@cache
def plugins(group: str, kind: type) -> tuple[tuple[Any, ...], tuple[str, ...]]:
    """The parts that the entry points of a group name, sorted by name, and a message for each unusable one.

    An entry that cannot be imported, or is not a ``kind``, is left out; the others are not affected.
    """
    found: list[Any] = []
    problems: list[str] = []
    for entry in sorted(entry_points(group=group), key=lambda entry: entry.name):
        package = entry.dist.name if entry.dist is not None else strings.UNKNOWN_PACKAGE
        try:
            part = entry.load()
        except Exception as error:  # code of other packages may raise anything
            log.info("%s: the entry point %s of %s failed", group, entry.name, package, exc_info=error)
            reason = f"{type(error).__name__}: {error}"
            problems.append(strings.PLUGIN_NOT_LOADED.format(entry=entry.name, package=package, error=reason))
            continue
        if isinstance(part, kind):
            found.append(part)
        else:
            problems.append(
                strings.PLUGIN_OF_WRONG_KIND.format(entry=entry.name, package=package, kind=kind.__name__)
            )
    return tuple(found), tuple(problems)
