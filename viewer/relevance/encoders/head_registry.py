"""The user's slide heads: ``heads.toml`` beside the models' ``models.toml``; training adds to it.

This file imports no torch: the list is read by the window's process, heads are loaded where they are used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viewer.common.errors import EncoderError
from viewer.common.paths import config_dir
from viewer.relevance.encoders import strings
from viewer.relevance.encoders.card import FILE_PREFIX, HEAD_PREFIX, EncoderCard, HeadEntry
from viewer.relevance.encoders.table_file import read_tables, replace_table, value

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class HeadRegistry:
    """The heads of the user's file, and a sentence on each entry that cannot be used."""

    heads: Mapping[str, HeadEntry]
    problems: tuple[str, ...]


def heads_file() -> Path:
    """``heads.toml`` in the folder of the settings. One table a head::

    [metastases]
    file = "/heads/metastases/head.pt"
    title = "Metastases in lymph nodes"
    encoder = "measured"        # encoder ID of its features; see `foveola encoders`
    encoder_version = "1"
    feature_width = 39
    classes = ["no", "yes"]
    sha256 = "..."              # optional: of the file
    """
    return config_dir() / "heads.toml"


def head_cards() -> tuple[EncoderCard, ...]:
    """The heads as encoders with attention; the id is one for ``load_encoder``."""
    return tuple(head_card(entry) for entry in read_heads().heads.values())


def head_card(entry: HeadEntry) -> EncoderCard:
    """A head as an encoder."""
    return EncoderCard(
        id=f"{HEAD_PREFIX}{entry.id}",
        title=entry.title,
        family=strings.HEAD_FAMILY.format(encoder=entry.encoder),
        patch_px=0,
        mpp_um=0.0,
        margin_px=0,
        feature_count=entry.feature_width,
        normalisation=strings.HEAD_NORMALISATION,
        licence=strings.HEAD_LICENCE,
        commercial=None,
        notes=(strings.HEAD_NOTE,),
        attention_heads=(1, len(entry.views)),
        views=entry.views,
        features_of=entry.encoder,
        attends="slide",
        needs_terms=False,  # those of the encoder of its features are shown
    )


def head_entry(encoder_id: str) -> HeadEntry:
    """A head by the id of its card. Raises EncoderError."""
    entry = read_heads().heads.get(encoder_id.removeprefix(HEAD_PREFIX))
    if entry is None:
        raise missing_head(encoder_id) or EncoderError(strings.NOT_A_HEAD.format(encoder=encoder_id))
    return entry


def missing_head(encoder_id: str) -> EncoderError | None:
    """Why there is no head of this id; None for an id of another kind of encoder."""
    if not encoder_id.startswith(HEAD_PREFIX):
        return None
    registry, name = read_heads(), encoder_id.removeprefix(HEAD_PREFIX)
    why = next((problem for problem in registry.problems if f"[{name}]" in problem), None)
    known = ", ".join(registry.heads) or "none"
    return EncoderError(why or strings.NO_HEAD.format(path=heads_file(), name=name, known=known))


def check_head_name(name: str) -> str:
    """The name, where it can be one of a head and of a folder. Raises EncoderError."""
    if not _NAME.fullmatch(name):
        raise EncoderError(strings.HEAD_NAME.format(name=name))
    return name


def read_heads(path: Path | None = None) -> HeadRegistry:
    """What the registry file (None: the usual one) names. A missing file is an empty registry.

    A bad entry is a problem; the others are kept.
    """
    path = path or heads_file()
    try:
        tables = read_tables(path)
    except EncoderError as error:
        return HeadRegistry({}, (str(error),))
    heads: dict[str, HeadEntry] = {}
    problems: list[str] = []
    for name, table in tables.items():
        try:
            heads[name] = _entry(name, table if isinstance(table, dict) else {})
        except (EncoderError, OSError, RuntimeError) as error:
            problems.append(strings.PROBLEM.format(path=path, name=name, error=error))
    return HeadRegistry(heads, tuple(problems))


def register_head(entry: HeadEntry, path: Path | None = None) -> Path:
    """Put a head into the registry file, in place of one of the same name; the rest of the file stays as it
    is. Returns the file. Raises EncoderError where it cannot be read or understood, SaveError.
    """
    path = path or heads_file()
    check_head_name(entry.id)
    table: dict[str, Any] = {
        "file": str(entry.file.absolute()),
        "title": entry.title,
        "encoder": entry.encoder,
        "encoder_version": entry.encoder_version,
        "feature_width": entry.feature_width,
        "classes": list(entry.classes),
    }
    if entry.sha256 is not None:
        table["sha256"] = entry.sha256
    replace_table(path, entry.id, table)
    return path


def _entry(name: str, table: Mapping[str, Any]) -> HeadEntry:
    file = Path(value(table, "file", str)).expanduser()
    if not file.is_file():
        raise EncoderError(strings.NO_FILE.format(file=file))
    classes = value(table, "classes", list)
    if not all(isinstance(one, str) for one in classes):
        raise EncoderError(strings.CLASSES)
    encoder = value(table, "encoder", str)
    if encoder.startswith(HEAD_PREFIX):
        raise EncoderError(strings.HEAD_OF_HEAD.format(encoder=encoder))
    if encoder.startswith(FILE_PREFIX):
        raise EncoderError(strings.HEAD_OF_FILE.format(encoder=encoder))
    return HeadEntry(
        name,
        value(table, "title", str),
        file,
        encoder,
        value(table, "encoder_version", str),
        value(table, "feature_width", int),
        tuple(classes),
        value(table, "sha256", str) if "sha256" in table else None,
    )
