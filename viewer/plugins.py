"""Parts that other installed packages bring by entry points. Registries alone load them, each its own group.

A package declares, in its ``pyproject.toml``::

    [project.entry-points."foveola.encoders"]
    my_encoder = "my_package.encoder:ENTRY"

The groups are ``foveola.encoders``, ``foveola.slide_formats``, ``foveola.map_formats`` and
``foveola.panels``. What an entry must be is said where the registry of its group is.
"""

from __future__ import annotations

import logging
from functools import cache
from importlib.metadata import entry_points
from typing import Any

log = logging.getLogger("foveola.plugins")


@cache
def plugins(group: str, kind: type) -> tuple[tuple[Any, ...], tuple[str, ...]]:
    """What the entry points of a group name, sorted by name, and in sentences what is wrong with the others.

    An entry that cannot be imported, or is no ``kind``, costs itself and nothing else.
    """
    found: list[Any] = []
    problems: list[str] = []
    for entry in sorted(entry_points(group=group), key=lambda entry: entry.name):
        package = entry.dist.name if entry.dist is not None else "an unknown package"
        try:
            part = entry.load()
        except Exception as error:  # code of strangers may raise anything
            log.info("%s: the entry point %s of %s failed", group, entry.name, package, exc_info=error)
            problems.append(f"{entry.name} of {package} could not be loaded: {type(error).__name__}: {error}")
            continue
        if isinstance(part, kind):
            found.append(part)
        else:
            problems.append(f"{entry.name} of {package} is no {kind.__name__}, and is left out")
    return tuple(found), tuple(problems)
