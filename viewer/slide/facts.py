"""The facts of a slide that ``foveola info`` prints, as plain data and as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viewer.common.text import escape_control

if TYPE_CHECKING:
    from viewer.slide.source import Source


def slide_facts(source: Source) -> dict[str, Any]:
    """What is known about a slide, ready for JSON.

    Levels are those of the file, finest first, with level-0 pixels per pixel as ``downsample``; ``mpp_um`` is
    [x, y] or None; ``reader`` says which reader took the file, and why; ``notes`` must be told to people.
    """
    info, pyramid = source.info, source.pyramid
    levels = [
        {
            "width": width,
            "height": height,
            "downsample": (pyramid.width / width + pyramid.height / height) / 2,
        }
        for width, height in info.file_levels
    ]
    return {
        "path": str(info.path),
        "format": info.format,
        "width": pyramid.width,
        "height": pyramid.height,
        "levels": levels,
        "mpp_um": list(info.mpp_um) if info.mpp_um else None,
        "objective_power": info.objective_power,
        "associated_images": list(info.associated_images),
        "icc_profile": info.icc_profile is not None,
        "reader": f"{info.reader}: {info.reader_reason}",
        "notes": list(info.notes),
    }


def facts_as_text(facts: dict[str, Any]) -> str:
    """The same facts for people, one a line."""
    mpp_um, power = facts["mpp_um"], facts["objective_power"]
    rows = [
        ("file", facts["path"]),
        ("format", facts["format"]),
        ("size", f"{facts['width']:,} × {facts['height']:,} px"),
        *(
            (f"level {index}", f"{level['width']:,} × {level['height']:,} px, {level['downsample']:.6g} : 1")
            for index, level in enumerate(facts["levels"])
        ),
        ("pixel size", f"{mpp_um[0]:.4g} × {mpp_um[1]:.4g} µm" if mpp_um else "not stated in the file"),
        ("objective", f"{power:g}x" if power else "not stated in the file"),
        ("images", ", ".join(facts["associated_images"]) or "none"),
        ("profile", "ICC colour profile" if facts["icc_profile"] else "none"),
        ("reader", facts["reader"]),
        *(("note", note) for note in facts["notes"]),
    ]
    return "\n".join(f"{name:<11} {escape_control(value)}" for name, value in rows)
