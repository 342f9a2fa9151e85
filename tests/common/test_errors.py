"""Every public error of the viewer has a message for the user, or is caught in the room that raises it."""

from __future__ import annotations

import ast
from pathlib import Path

import viewer
from viewer.common.errors import FoveolaError, UnsupportedTermError, is_defect
from viewer.slide.source import SlideError

CAUGHT_IN_THEIR_ROOM = {
    *(
        "TiffFormatError",
        "CodecError",
        "JpegError",
        "TilePackError",
        "DicomError",
    ),  # and raised again as SlideError or TileError
    *("OpeningCancelledError", "UnreadableBlockError", "ShapeError", "UnclearError"),
}


def test_errors_derive_from_the_one_with_a_message_for_the_user() -> None:
    bases = {
        node.name: [base.id for base in node.bases if isinstance(base, ast.Name)]
        for path in Path(viewer.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and node.name.endswith("Error") and not node.name.startswith("_")
    }

    def has_message(name: str) -> bool:
        return name == FoveolaError.__name__ or any(map(has_message, bases.get(name, [])))

    assert len(bases) > 20
    assert {name for name in bases if not has_message(name)} == CAUGHT_IN_THEIR_ROOM


def test_a_defect_is_an_unexpected_error() -> None:
    assert is_defect(KeyError("x"))
    assert is_defect(OSError("of nothing"))
    assert not is_defect(SlideError("a.svs", "empty"))
    assert not is_defect(UnsupportedTermError("no words"))
    assert not is_defect(FileNotFoundError(2, "No such file", "a.svs"))
    assert not is_defect(MemoryError())
