"""The features of a GeoJSON file one by one: memory holds a piece of the text and one feature, not the file.

Source: RFC 7946 (FeatureCollection, Feature, bare geometries); QuPath also writes bare arrays of features.
"""

from __future__ import annotations

import codecs
import gzip
import json
import re
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, cast

import psutil

from viewer.relevance.exchange import strings
from viewer.relevance.features.safe_hdf5 import FeatureFileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_BYTES = 4 << 30
_MAX_VALUE_CHARS = 32 << 20
"""Of one feature: an outline of a million corners. More take minutes and gigabytes."""
_MEMORY_PER_CHAR = 30
"""What Python takes for a character of JSON: 8 for tiles, up to 29 for small objects alone (measured)."""
_PIECE_BYTES = 4 << 20
_SPACE = re.compile(r"[ \t\r\n]*")


class GeoJsonFile:
    """Reads a file, packed by gzip or not. ``members``: after ``features`` has ended, what else stands beside
    the list of features."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.members: dict[str, Any] = {}

    def features(self) -> Iterator[Any]:
        """What should be features, in their order. Raises FeatureFileError for what is no GeoJSON."""
        with _unpacked(self._path) as stream:
            text = _Text(self._path, stream)
            try:
                yield from self._from(text)
                if text.next_char():
                    raise ValueError(strings.MORE_THAN_ONE_VALUE)
            except (ValueError, RecursionError) as error:
                raise FeatureFileError(self._path, strings.NOT_JSON.format(error=error)) from error

    def _from(self, text: _Text) -> Iterator[Any]:
        begin = text.next_char()
        if begin == "[":
            yield from text.items()
            return
        if begin != "{":
            found = text.value()
            raise FeatureFileError(
                self._path, strings.NOT_SHAPES.format(kind=strings.KIND_OF_JSON[type(found)])
            )
        listed = False
        for name in text.names():
            if name == "features" and text.next_char() == "[":
                listed = True
                yield from text.items()
            else:
                self.members[name] = text.value()
        if listed:
            return
        if self.members.get("type") == "Feature":
            yield self.members
        elif "coordinates" in self.members:
            yield {"geometry": self.members}
        else:
            raise FeatureFileError(self._path, strings.NOT_GEOJSON)


class _Text:
    """A JSON text, decoded value by value. Methods raise ValueError where it is damaged."""

    def __init__(self, path: Path, stream: IO[bytes]) -> None:
        self._path, self._stream = path, stream
        self._decoder: codecs.IncrementalDecoder | None = None
        self._text, self._at, self._bytes = "", 0, 0
        self._ended = False
        self._scan = json.JSONDecoder().raw_decode

    def next_char(self) -> str:
        """The next character that is no space, not taken; "" at the end."""
        while True:
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]  # may be empty
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                return ""
            self._read(_PIECE_BYTES)

    def value(self) -> Any:
        """Take a whole value."""
        self.next_char()
        while True:
            try:
                found, end = self._scan(self._text, self._at)
            except json.JSONDecodeError:
                if self._ended:
                    raise
            else:
                if end < len(self._text) or self._ended:  # a number at the end may go on
                    self._at = end
                    return found
            held = len(self._text) - self._at
            most = min(_MAX_VALUE_CHARS, psutil.virtual_memory().available // _MEMORY_PER_CHAR)
            if held > most:
                raise FeatureFileError(self._path, strings.VALUE_TOO_LARGE.format(size_mib=held >> 20))
            self._read(min(max(held, _PIECE_BYTES), most - held + 1))

    def items(self) -> Iterator[Any]:
        """Take an array, value by value."""
        self._take("[")
        if self.next_char() != "]":
            yield self.value()
            while self.next_char() == ",":
                self._take(",")
                yield self.value()
        self._take("]")

    def names(self) -> Iterator[str]:
        """Take an object, name by name; the caller takes each value."""
        self._take("{")
        while self.next_char() != "}":
            name = self.value()
            if not isinstance(name, str):
                raise ValueError(strings.NAME_EXPECTED)
            self._take(":")
            yield name
            if self.next_char() == "}":
                break
            self._take(",")
        self._take("}")

    def _take(self, char: str) -> None:
        if self.next_char() != char:
            raise ValueError(strings.CHAR_EXPECTED.format(char=char))
        self._at += 1

    def _read(self, size: int) -> None:
        try:
            data = self._stream.read(size)
        except (OSError, EOFError, zlib.error) as error:
            raise FeatureFileError(self._path, strings.UNREADABLE_PACKED.format(error=error)) from error
        self._bytes += len(data)
        if self._bytes > MAX_BYTES:
            raise FeatureFileError(self._path, strings.TOO_MANY_MIB.format(most_mib=MAX_BYTES >> 20))
        self._ended = not data
        if self._decoder is None:
            self._decoder = codecs.getincrementaldecoder(json.detect_encoding(data))()
        self._text = self._text[self._at :] + self._decoder.decode(data, self._ended)
        self._at = 0


@contextmanager
def _unpacked(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if not packed:
                yield file
                return
            with gzip.GzipFile(fileobj=file) as stream:
                yield cast("IO[bytes]", stream)
    except OSError as error:
        raise FeatureFileError(path, strings.UNREADABLE_PACKED.format(error=error)) from error
