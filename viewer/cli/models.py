"""``foveola models``: known open models, fetched with consent; folders and repositories added; models
removed.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viewer.cli import arguments, strings, strings_help, terminal
from viewer.common.text import escape_control

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from viewer.relevance.encoders.card import ModelEntry
    from viewer.relevance.encoders.hub.published import Published
    from viewer.relevance.encoders.model_registry import Registry

_FREE = ("mit", "apache-2.0", "bsd", "cc0", "cc-by-4.0", "unlicense")
_SHORT_COMMIT = 10


def add_command(add: Callable[..., Any]) -> None:
    """Add the command to a parser; ``add(name, run, help)`` gives one."""
    kinds = add("models", _list, strings_help.MODELS).add_subparsers(
        dest="models_command", metavar="WHAT", required=True
    )
    command = add("list", _list, strings_help.MODELS_LIST, into=kinds)
    command.add_argument("--json", action="store_true", help=strings_help.JSON)
    command = add("get", _get, strings_help.MODELS_GET, into=kinds)
    command.add_argument("name", metavar="ID")
    command.add_argument("--yes", action="store_true", help=strings_help.ACCEPT_TERMS)
    command = add("add", _add, strings_help.MODELS_ADD, into=kinds)
    command.add_argument("what", metavar="FOLDER|FILE|OWNER/NAME", type=arguments.file)
    command.add_argument("--name", metavar="ID", help=strings_help.MODEL_NAME)
    command.add_argument("--title", metavar="TEXT", help=strings_help.MODEL_TITLE)
    command.add_argument("--licence", metavar="TEXT", help=strings_help.MODEL_LICENCE)
    command.add_argument("--revision", metavar="COMMIT", help=strings_help.MODEL_REVISION)
    command.add_argument("--statistics", metavar="NAME", help=strings_help.MODEL_STATISTICS)
    command.add_argument("--yes", action="store_true", help=strings_help.ACCEPT_TERMS)
    command = add("remove", _remove, strings_help.MODELS_REMOVE, into=kinds)
    command.add_argument("name", metavar="ID")
    command.add_argument("--yes", action="store_true", help=strings_help.WITHOUT_ASKING)


# Commands


def _list(options: argparse.Namespace) -> int:
    from viewer.relevance.encoders.model_registry import known_models, read_registry

    registry = read_registry()
    for problem in registry.problems:
        terminal.write_stderr(problem)
    facts = [_known_facts(name, table, registry) for name, table in known_models().items()]
    facts += [
        _own_facts(entry) for name, entry in sorted(registry.models.items()) if name not in known_models()
    ]
    if options.json:
        terminal.write_stdout(json.dumps(facts, indent=2))
        return 0
    lines = []
    for one in facts:
        size = strings.ABOUT_MB.format(size_mb=one["size_mb"]) if one["size_mb"] else ""
        state = strings.MODEL_STATES[one["state"]]
        lines.append(f"{one['id']:<16} {state:<14} {size:<9} {one['title']}: {one['family']}")
        lines.append(f"{'':<16} {_terms(one)}")
        lines += [f"{'':<16} {one['terms']}"] if one["terms"] else []
    lines.append(strings.MODELS_HINT)
    terminal.write_stdout("\n".join(escape_control(line) for line in lines))
    return 0


def _get(options: argparse.Namespace) -> int:
    from viewer.relevance.encoders.hub import strings as hub_strings
    from viewer.relevance.encoders.hub.client import ask
    from viewer.relevance.encoders.hub.fetch import arrived_bytes, model_dir, pinned
    from viewer.relevance.encoders.hub.published import HubError, known_source
    from viewer.relevance.encoders.model_registry import known_models, read_registry, register_model

    name, known = options.name, known_models()
    if name not in known:
        raise arguments.UsageError(hub_strings.NOT_KNOWN.format(name=name, known=", ".join(known)))
    source, table = known_source(name), known[name]
    if source is None:
        raise HubError(hub_strings.ON_NO_HUB.format(title=table["title"], name=name))
    folder = model_dir(name)
    _check_free(name, folder)
    _check_readers()
    kept = pinned(folder)
    if kept is not None and kept.repository != source.repository:
        raise HubError(hub_strings.CHANGED.format(folder=folder, name=name))
    if kept is not None and arrived_bytes(folder, kept) == kept.size_bytes:
        published = kept  # agreed to then, or it would not be here
    else:
        published = ask(source if kept is None else replace(source, revision=kept.commit))
        facts = _known_facts(name, table, read_registry())
        lines = [
            f"{table['title']}: {facts['family']}",
            strings.MODEL_LICENCE.format(licence=_terms(facts)),
            strings.MODEL_TERMS.format(terms=table["hub"]["terms"]),
            *([table["hub"]["note"]] if "note" in table["hub"] else []),
        ]
        if not _agreed(lines, published, folder, yes=options.yes):
            return 1
    _fetch(published, folder)
    from viewer.relevance.encoders.hub.probe import probed  # imports torch

    register_model(name, probed(folder, known=table))
    terminal.write_stdout(strings.MODEL_ADDED.format(folder=folder, name=name))
    return 0


def _add(options: argparse.Namespace) -> int:
    from viewer.relevance.encoders.hub import strings as hub_strings
    from viewer.relevance.encoders.hub.published import REPOSITORY, HubError
    from viewer.relevance.encoders.model_registry import check_model_name

    what: Path = options.what.expanduser()
    usual = what.stem if what.is_file() else what.absolute().name
    name = check_model_name(options.name or re.sub(r"[^A-Za-z0-9_-]+", "-", usual))
    if what.is_file():
        _add_file(what, name, options)
    elif what.exists():
        _check_free(name, what)
        _register(name, what, options, licence=hub_strings.OWN_FILE)
    elif REPOSITORY.fullmatch(options.what.as_posix()):
        return _add_repository(options.what.as_posix(), name, options)
    else:
        raise HubError(hub_strings.NO_SUCH_MODEL.format(path=options.what))
    return 0


def _remove(options: argparse.Namespace) -> int:
    from viewer.relevance.encoders.hub import strings as hub_strings
    from viewer.relevance.encoders.hub.fetch import model_dir
    from viewer.relevance.encoders.hub.published import HubError
    from viewer.relevance.encoders.model_registry import (
        check_model_name,
        registered_table,
        unregister_model,
    )

    name = check_model_name(options.name)
    folder, table = model_dir(name), registered_table(name)
    if table is None and not folder.exists():
        raise HubError(hub_strings.NOT_REGISTERED.format(name=name))
    lines = [strings.TAKES_OUT.format(name=name)]
    lines += [strings.DELETES.format(folder=folder)] if folder.exists() else [strings.FILES_STAY]
    if not _yes(lines, strings.TYPE_YES_TO_REMOVE, given=options.yes):
        terminal.write_stderr(strings.NOTHING_REMOVED)
        return 1
    if table is not None:
        unregister_model(name)
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        raise HubError(hub_strings.NOT_DELETED.format(folder=folder))
    return 0


# Their parts


def _known_facts(name: str, table: Mapping[str, Any], registry: Registry) -> dict[str, Any]:
    from viewer.relevance.encoders.hub.fetch import model_dir
    from viewer.relevance.encoders.model_registry import family_of

    hub = table.get("hub", {})
    entry = registry.models.get(name)
    state = "here" if entry else "begun" if model_dir(name).exists() else "not here" if hub else "by hand"
    return {
        "id": name,
        "title": table["title"],
        "family": family_of(table["architecture"]),
        "state": state,
        "folder": str(entry.folder) if entry else None,
        "repository": hub.get("repository"),
        "revision": hub.get("revision"),
        "size_mb": hub.get("size_mb"),
        "licence": table["licence"],
        "commercial": table["commercial"],
        "gated": hub.get("gated", False),
        "terms": hub.get("terms"),
    }


def _own_facts(entry: ModelEntry) -> dict[str, Any]:
    card, nothing = entry.card, dict.fromkeys(("repository", "revision", "size_mb", "terms"))
    facts = {"id": card.id, "title": card.title, "family": card.family, "state": "here", "gated": False}
    return (
        facts
        | nothing
        | {"folder": str(entry.folder), "licence": card.licence, "commercial": card.commercial}
    )


def _terms(facts: Mapping[str, Any]) -> str:
    commercial = strings.COMMERCIAL_USE[facts["commercial"]]
    return strings.TERMS.format(licence=facts["licence"], commercial=commercial)


def _check_free(name: str, folder: Path) -> None:
    """Raises HubError where models.toml has another model of this name."""
    from viewer.relevance.encoders.hub import strings as hub_strings
    from viewer.relevance.encoders.hub.published import HubError
    from viewer.relevance.encoders.model_registry import registered_table

    table = registered_table(name)
    registered = Path(str(table.get("folder", ""))).expanduser() if table is not None else None
    if registered is not None and registered.absolute() != folder.absolute():
        raise HubError(hub_strings.TAKEN.format(name=name, folder=registered))


def _check_readers() -> None:
    """Raises HubError without the packages that read what is fetched: it would be fetched for nothing."""
    from importlib.util import find_spec

    from viewer.relevance.encoders.hub import strings as hub_strings
    from viewer.relevance.encoders.hub.published import HubError

    if not all(map(find_spec, ("huggingface_hub", "safetensors", "tokenizers"))):
        raise HubError(hub_strings.EXTRA_NEEDED)


def _add_file(file: Path, name: str, options: argparse.Namespace) -> None:
    """A single file of weights, in a folder of Foveola's own: the other files beside it are not the
    model's.
    """
    from viewer.common.atomic_write import SaveError, save_failure
    from viewer.relevance.encoders.hub import strings as hub_strings
    from viewer.relevance.encoders.hub.fetch import model_dir
    from viewer.relevance.encoders.hub.published import HubError
    from viewer.relevance.models.checkpoint import WEIGHT_SUFFIXES

    folder = model_dir(name)
    _check_free(name, folder)
    if file.suffix not in WEIGHT_SUFFIXES:
        raise HubError(
            hub_strings.NO_WEIGHTS_FILE.format(path=file, endings=", ".join(sorted(WEIGHT_SUFFIXES)))
        )
    if folder.exists():
        raise HubError(hub_strings.TAKEN.format(name=name, folder=folder))
    try:
        try:
            folder.mkdir(parents=True)
            shutil.copyfile(file, folder / file.name)
        except OSError as error:
            raise SaveError(folder / file.name, save_failure(folder, error)) from error
        _register(name, folder, options, licence=hub_strings.OWN_FILE)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _add_repository(repository: str, name: str, options: argparse.Namespace) -> int:
    from viewer.relevance.encoders.hub import strings as hub_strings
    from viewer.relevance.encoders.hub.client import ask
    from viewer.relevance.encoders.hub.fetch import model_dir, pinned
    from viewer.relevance.encoders.hub.published import HubError, Source
    from viewer.relevance.encoders.model_registry import known_models

    if name in known_models():
        raise HubError(hub_strings.KNOWN.format(name=name))
    folder = model_dir(name)
    _check_free(name, folder)
    _check_readers()
    kept = pinned(folder)
    published = ask(Source(repository, options.revision or (kept.commit if kept else None)))
    if not _agreed([], published, folder, yes=options.yes):
        return 1
    _fetch(published, folder)
    licence = published.licence or strings.LICENCE_NOT_STATED
    _register(name, folder, options, licence=licence, commercial=_commercial(published.licence))
    return 0


def _agreed(lines: list[str], published: Published, folder: Path, *, yes: bool) -> bool:
    """Show what would be fetched under which terms, and whether the reader agrees. Raises HubError for a
    gated model without a token of the reader's own."""
    from viewer.relevance.encoders.hub.client import has_token, hub_host, no_access
    from viewer.relevance.encoders.hub.fetch import arrived_bytes
    from viewer.relevance.encoders.hub.published import HubError

    there = arrived_bytes(folder, published)
    shown = [
        *lines,
        strings.MODEL_ON_HUB.format(
            repository=published.repository, host=hub_host(), commit=published.commit[:_SHORT_COMMIT]
        ),
        strings.HUB_LICENCE.format(licence=published.licence or strings.LICENCE_NOT_STATED),
        strings.MODEL_SIZE.format(size_mb=published.size_bytes / 1e6),
        *(f"  {file.size_bytes / 1e6:>9,.1f} MB  {file.name}" for file in published.files),
        *([strings.CONTINUES.format(there_mb=there / 1e6)] if there else []),
        *([strings.GATED] if published.gated else []),
        strings.KEPT_IN.format(folder=folder),
    ]
    if published.gated and not has_token():
        terminal.write_stdout("\n".join(map(escape_control, shown)))
        raise HubError(no_access(published.repository))
    agreed = _yes(shown, strings.TYPE_YES, given=yes)
    if not agreed:
        terminal.write_stderr(strings.NOTHING_FETCHED)
    return agreed


def _yes(lines: list[str], question: str, *, given: bool) -> bool:
    terminal.write_stdout("\n".join(map(escape_control, lines)))
    return given or terminal.ask(question).strip().lower() == strings.YES


def _fetch(published: Published, folder: Path) -> None:
    from viewer.common.progress import progress_bar
    from viewer.relevance.encoders.hub.fetch import fetch

    with progress_bar(strings.FETCHING) as progress:
        fetch(published, folder, progress)


def _register(
    name: str, folder: Path, options: argparse.Namespace, *, licence: str, commercial: bool | None = None
) -> None:
    """Read the model once and name it in models.toml; of one known by name only where it lies."""
    from viewer.relevance.encoders.hub.probe import probed
    from viewer.relevance.encoders.model_registry import known_models, register_model

    known = known_models().get(name)
    table = probed(folder, known=known, statistics=options.statistics)
    if known is None:
        table |= {"title": options.title or name, "licence": options.licence or licence}
        table |= {} if commercial is None else {"commercial": commercial}
    register_model(name, table)
    terminal.write_stdout(strings.MODEL_ADDED.format(folder=folder, name=name))


def _commercial(licence: str) -> bool | None:
    """Whether a licence by its usual short name allows commercial use; None where that is not certain."""
    name = licence.lower()
    if "nc" in re.split(r"[^a-z0-9]+", name) or "non-commercial" in name:
        return False
    return True if name.startswith(_FREE) else None
