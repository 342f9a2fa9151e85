"""What a hub states of a model before anything is fetched: commit, licence, files with their sizes and
digests.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from viewer.common.errors import EncoderError
from viewer.common.text import escape_control
from viewer.relevance.encoders.hub import strings
from viewer.relevance.encoders.model_registry import known_models
from viewer.relevance.models.checkpoint import WEIGHT_FILES, WEIGHT_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
"""Owner and name."""
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_TOKENIZER = ("tokenizer.json", "vocab.json", "merges.txt", "vocab.txt", "conch_byte_level_bpe_uncased.json")
_DESCRIPTION = ("config.json", "open_clip_config.json", "preprocessor_config.json")
_TERMS = ("README.md", "LICENSE", "LICENSE.md", "LICENSE.txt")


class HubError(EncoderError):
    """A model that cannot be fetched: which, why, and what to do."""


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file at a commit, and what its content must be: ``sha256`` of a large one, the ``blob`` of git
    (SHA-1) of a small one."""

    repository: str
    commit: str
    name: str
    size_bytes: int
    sha256: str
    blob: str


@dataclass(frozen=True, slots=True)
class Published:
    """A model at a commit. ``licence``: as the hub states it, "" where it does not."""

    repository: str
    commit: str
    licence: str
    gated: bool
    files: tuple[HubFile, ...]

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a model is published. ``revision`` None: the commit that the hub names first. ``tokenizer``: a
    second repository, for weights without one. ``known``: (bytes, SHA-256) of files where they are
    certain."""

    repository: str
    revision: str | None = None
    tokenizer: Source | None = None
    known: Mapping[str, tuple[int, str]] | None = None


def known_source(name: str) -> Source | None:
    """Where a model that is known by name is published; None for one on no hub."""
    hub = known_models()[name].get("hub")
    if hub is None:
        return None
    tokenizer = Source(**hub["tokenizer"]) if "tokenizer" in hub else None
    known = {file: (one["bytes"], one["sha256"]) for file, one in hub.get("known", {}).items()}
    return Source(hub["repository"], hub.get("revision"), tokenizer, known)


def published_from(source: Source, facts: Any, *, tokenizer_only: bool = False) -> Published:
    """What the hub's answer says of the files that Foveola needs. Raises HubError for an answer that is not
    one of a hub, for unsafe names, and for files that are not those known here.

    ``facts``: a ``ModelInfo`` of ``huggingface_hub``.
    """
    repository, commit = source.repository, str(facts.sha)
    if not _COMMIT.fullmatch(commit) or source.revision not in (None, commit):
        raise HubError(
            strings.OTHER_COMMIT.format(repository=repository, revision=source.revision, commit=commit)
        )
    siblings = {str(one.rfilename): one for one in facts.siblings or ()}
    for name in siblings:
        _check_name(repository, name)
    names = [name for name in siblings if _PLAIN.fullmatch(name)]
    wanted = _tokenizer_files(names) if tokenizer_only else _wanted(repository, names)
    files = tuple(_file(source, commit, siblings[name]) for name in wanted)
    return Published(repository, commit, _licence(facts), bool(facts.gated), files)


def _check_name(repository: str, name: str) -> None:
    parts = PurePosixPath(name).parts
    if not name or name.startswith("/") or ".." in parts or "\\" in name or not name.isprintable():
        raise HubError(strings.UNSAFE_NAME.format(repository=repository, name=escape_control(name)))


def _wanted(repository: str, names: Sequence[str]) -> list[str]:
    """The weights, in one file, and what describes them."""
    weights = next((name for name in WEIGHT_FILES if name in names), None)
    if weights is None:
        candidates = [name for name in names if PurePosixPath(name).suffix in WEIGHT_SUFFIXES]
        if len(candidates) != 1:
            template = strings.SEVERAL_WEIGHTS if candidates else strings.NO_WEIGHTS
            raise HubError(template.format(repository=repository, names=", ".join(sorted(candidates)[:5])))
        weights = candidates[0]
    described = [name for name in (*_DESCRIPTION, *_TERMS) if name in names]
    return [*described, *_tokenizer_files(names), weights]


def _tokenizer_files(names: Iterable[str]) -> list[str]:
    there = set(names)
    return [name for name in _TOKENIZER if name in there]


def _file(source: Source, commit: str, stated: Any) -> HubFile:
    name, size = str(stated.rfilename), stated.size
    sha256 = str(stated.lfs.sha256) if stated.lfs else ""
    blob = str(stated.blob_id or "")
    digest = _SHA256.fullmatch(sha256) if stated.lfs else _COMMIT.fullmatch(blob)
    if type(size) is not int or size < 0 or digest is None:
        raise HubError(strings.NO_DIGEST.format(repository=source.repository, name=name))
    if source.known and name in source.known and source.known[name] != (size, sha256):
        raise HubError(strings.NOT_THE_KNOWN_FILE.format(repository=source.repository, name=name))
    return HubFile(source.repository, commit, name, size, sha256, "" if stated.lfs else blob)


def _licence(facts: Any) -> str:
    card = facts.card_data
    stated = (card.get("license_name") or card.get("license")) if card is not None else None
    if not isinstance(stated, str):
        tags = [tag for tag in facts.tags or () if str(tag).startswith("license:")]
        stated = str(tags[0]).removeprefix("license:") if tags else ""
    return escape_control(stated)[:100]
