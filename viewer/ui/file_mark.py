"""What a slide's file was like when it was opened, to say what became of it once its tiles fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileMark:
    """A file's path and size, the size None where it could not be asked for."""

    path: Path
    size_bytes: int | None

    @classmethod
    def of(cls, path: Path) -> FileMark:
        """The file as it is now. One that cannot be asked has the size None."""
        return cls(path, _size_bytes(path))

    def trouble(self) -> str:
        """A sentence on why tiles of the file may fail now."""
        size_bytes = _size_bytes(self.path)
        if size_bytes is None:
            return "The file is gone, or can no longer be reached."
        if self.size_bytes is not None and size_bytes != self.size_bytes:
            sizes = f"it has {size_bytes:,} bytes, it had {self.size_bytes:,}"
            return f"The file changed while it was open: {sizes}."
        return "The file is damaged there, or its disk is; the log has the details."


def _size_bytes(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
