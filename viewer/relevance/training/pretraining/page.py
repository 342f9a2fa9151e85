"""The page of a pretrained model: its data, how its training went, how to open it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from viewer.common.text import escape_control
from viewer.relevance.training.pretraining import strings
from viewer.relevance.training.pretraining.neighbours import NEIGHBOURS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def as_markdown(record: Mapping[str, Any], folder: Path) -> str:
    """The record that ``pretrain`` returns, as a page to read."""
    parts = [strings.PAGE_TITLE, strings.PAGE_USE.format(research_use=record["note"])]
    for stage, facts in record["stages"].items():
        parts += _of_stage(stage, facts)
    return "\n\n".join([*parts, strings.PAGE_OPEN, models_entry(record, folder), strings.PAGE_LIMITS, ""])


def models_entry(record: Mapping[str, Any], folder: Path) -> str:
    """The lines of ``models.toml`` with which the attention panel offers the model."""
    stages = record["stages"]
    heads = [
        stages[one]["recipe"]["shape"]["heads"] if one in stages else 1 for one in ("patches", "regions")
    ]
    return strings.PAGE_ENTRY.format(
        folder=json.dumps(str(folder.absolute()), ensure_ascii=False),
        title=json.dumps(strings.PAGE_ENTRY_TITLE.format(folder=folder.absolute().name), ensure_ascii=False),
        tokens=heads[0],
        patches=heads[1],
    )


def _of_stage(stage: str, facts: Mapping[str, Any]) -> list[str]:
    options, slides = facts["options"], facts["slides"]
    items = sum(one["items"] for one in slides)
    parts = [
        strings.PAGE_STAGE[stage].format(
            **{key: options[key] for key in ("shape", "steps", "batch", "seed", "device")},
            items=items,
            slides=len(slides),
        )
    ]
    if asked := facts["neighbours"]:
        last = facts["reports"][-1]["named_right"]
        parts += [
            strings.PAGE_NEIGHBOURS.format(
                stage=stage, neighbours=NEIGHBOURS, chance=1 / asked["classes"], **asked
            ),
            strings.PAGE_VERDICT[last > asked["measured"]].format(model=last, measured=asked["measured"]),
            strings.PAGE_SEEN.format_map(asked),
        ]
    rows = [
        strings.PAGE_ROW.format(
            step=one["step"],
            loss=one["loss"],
            share=strings.PAGE_NOT_ASKED if one["named_right"] is None else f"{one['named_right']:.3f}",
        )
        for one in facts["reports"]
    ]
    parts.append("\n".join([strings.PAGE_HISTORY, *rows]))
    rows = [
        strings.PAGE_SLIDE.format(
            name=escape_control(one["name"]).replace("|", "/"), mpp_um=one["mpp_um"][0], items=one["items"]
        )
        for one in slides
    ]
    parts.append("\n".join([strings.PAGE_SLIDES.format(stage=stage), *rows]))
    return parts
