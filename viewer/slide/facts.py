"""The facts of a slide that ``foveola info`` prints, as plain data and as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viewer.common.text import escape_control
from viewer.slide import strings

if TYPE_CHECKING:
    from viewer.slide.given_scale import GivenScale
    from viewer.slide.source import Source

MOST_IMAGES = 50
"""That the text lists of one file; JSON has all."""


def slide_facts(source: Source, given: GivenScale | None = None) -> dict[str, Any]:
    """The facts of a slide, ready for JSON.

    Levels are those that are shown, finest first, with level-0 pixels per pixel as ``downsample``, and
    whether they are in the file or made of it; ``mpp_um`` is [x, y] or None, as ``given`` by a reader and
    else as the file states it; ``mpp_origin`` says which; ``images`` are all images of the file where it
    holds several, with what opens each; ``image`` is the number of this one, None for the slide; ``reader``
    names the reader that opened the file, and why; ``notes`` are for people.
    """
    info, pyramid = source.info, source.pyramid
    mpp_um = given.mpp_um if given else info.mpp_um
    levels = [
        {
            "width": level.width,
            "height": level.height,
            "downsample": level.downsample,
            "in_file": (level.width, level.height) in info.file_levels,
        }
        for level in pyramid.levels
    ]
    return {
        "path": str(info.path),
        "image": info.locator.image,
        "format": info.format,
        "width": pyramid.width,
        "height": pyramid.height,
        "levels": levels,
        "mpp_um": list(mpp_um) if mpp_um else None,
        "mpp_origin": given.origin if given else strings.STATED if mpp_um else None,
        "mpp_estimated": given is not None and given.estimated,
        "objective_power": info.objective_power,
        "associated_images": list(info.associated_images),
        "images": [
            {
                "number": image.number,
                "name": image.name,
                "width": image.width,
                "height": image.height,
                "shown": image.is_shown,
                "locator": str(info.locator.with_image(None if image.is_slide else image.number)),
            }
            for image in info.images
        ],
        "icc_profile": info.icc_profile is not None,
        "reader": f"{info.reader}: {info.reader_reason}",
        "notes": list(info.notes),
    }


def facts_as_text(facts: dict[str, Any]) -> str:
    """The same facts for people, one a line."""
    mpp_um, power = facts["mpp_um"], facts["objective_power"]
    more = len(facts["images"]) - MOST_IMAGES
    rows = [
        (strings.FACT_FILE, facts["path"]),
        (strings.FACT_FORMAT, facts["format"]),
        (strings.FACT_SIZE, strings.SIZE_PX.format(width=facts["width"], height=facts["height"])),
        *(
            (strings.FACT_LEVEL.format(index=index), strings.LEVEL_PX[level["in_file"]].format(**level))
            for index, level in enumerate(facts["levels"])
        ),
        (
            strings.FACT_PIXEL_SIZE,
            strings.PIXEL_SIZE_UM.format(x=mpp_um[0], y=mpp_um[1], origin=facts["mpp_origin"])
            if mpp_um
            else strings.NOT_STATED,
        ),
        (
            strings.FACT_OBJECTIVE,
            strings.OBJECTIVE_POWER.format(power=power) if power else strings.NOT_STATED,
        ),
        (strings.FACT_IMAGES, ", ".join(facts["associated_images"]) or strings.NONE),
        (strings.FACT_PROFILE, strings.HAS_PROFILE if facts["icc_profile"] else strings.NONE),
        *(
            (
                strings.FACT_IMAGE.format(number=image["number"]),
                (strings.IMAGE_SHOWN if image["shown"] else strings.IMAGE_OTHER).format(
                    **{**image, "name": image["name"] or strings.UNNAMED}
                ),
            )
            for image in facts["images"][:MOST_IMAGES]
        ),
        *(
            [(strings.FACT_IMAGE.format(number="…"), strings.IMAGES_MORE.format(count=more))]
            if more > 0
            else []
        ),
        (strings.FACT_READER, facts["reader"]),
        *((strings.FACT_NOTE, note) for note in facts["notes"]),
    ]
    return "\n".join(f"{name:<11} {escape_control(value)}" for name, value in rows)
