"""What is fetched from a hub: resumed, pinned, checked; and what is refused, in one line each."""

from __future__ import annotations

import errno
import json
from typing import TYPE_CHECKING, Any

import pytest
from huggingface_hub import constants

from tests.messages import pattern
from tests.relevance.encoders.hub.local_hub import (
    COMMIT,
    TOKEN,
    LocalHub,
    Repository,
    digest_of_blob,
    hub_of_test,
)
from viewer.relevance.encoders.hub import client, fetch, strings
from viewer.relevance.encoders.hub.client import HubConnectionError, ask
from viewer.relevance.encoders.hub.published import HubError, Published, Source, known_source
from viewer.relevance.encoders.model_registry import known_models

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "someone/model"
SOURCE = Source(NAME)
WEIGHTS = bytes(range(256)) * 40
FILES = {
    "config.json": b"{}",
    "README.md": b"# Card",
    "model.safetensors": WEIGHTS,
    "pytorch_model.bin": b"older",
}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    with hub_of_test(tmp_path, monkeypatch) as served:
        yield served


@pytest.fixture(autouse=True)
def repository(hub: LocalHub) -> Repository:
    hub.repositories[NAME] = Repository(dict(FILES))
    return hub.repositories[NAME]


def fetched(published: Published, folder: Path) -> list[float]:
    shares: list[float] = []
    fetch.fetch(published, folder, lambda done, total: shares.append(done / total))
    return shares


def assert_complete(folder: Path) -> None:
    there = {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.name not in (fetch.PIN, "model.lock")
    }
    assert there == {name: FILES[name] for name in ("config.json", "README.md", "model.safetensors")}


def test_the_files_of_a_model_are_fetched_and_no_others(hub: LocalHub, tmp_path: Path) -> None:
    published = ask(SOURCE)
    assert (published.commit, published.licence, published.gated) == (COMMIT, "mit", False)
    assert not any("resolve" in path for path in hub.paths())  # nothing before a yes
    shares = fetched(published, tmp_path / "model")
    assert_complete(tmp_path / "model")
    assert shares[-1] == 1
    assert shares == sorted(shares)
    assert fetch.pinned(tmp_path / "model") == published
    hub.asked.clear()
    fetched(published, tmp_path / "model")
    assert hub.asked == []


@pytest.mark.parametrize("honours_ranges", [True, False])
def test_a_part_is_continued(
    hub: LocalHub, repository: Repository, tmp_path: Path, honours_ranges: bool
) -> None:
    published, folder = ask(SOURCE), tmp_path / "model"
    folder.mkdir()
    (folder / ".model.safetensors.part").write_bytes(WEIGHTS[:4000])
    repository.honours_ranges = honours_ranges
    assert fetch.arrived_bytes(folder, published) == 4000
    fetched(published, folder)
    assert_complete(folder)
    assert hub.asked[-1][2]["range"] == "bytes=4000-"


def test_lost_connections_do_not_end_a_download_that_gets_on(
    hub: LocalHub, repository: Repository, tmp_path: Path
) -> None:
    repository.cut_bytes = 1500
    fetched(ask(SOURCE), tmp_path / "model")
    assert_complete(tmp_path / "model")
    assert (
        len([path for path in hub.paths() if path.endswith("safetensors")]) > 3
    )  # so many in a row would be given up


def test_a_connection_that_brings_nothing_is_given_up_and_continued_later(
    repository: Repository, tmp_path: Path
) -> None:
    published, folder = ask(SOURCE), tmp_path / "model"
    folder.mkdir()
    (folder / ".model.safetensors.part").write_bytes(WEIGHTS[:4000])
    repository.cut_bytes = 0
    with pytest.raises(HubConnectionError):
        fetched(published, folder)
    assert (folder / ".config.json.part").exists()
    repository.cut_bytes = None
    fetched(published, folder)
    assert_complete(folder)


def test_no_network_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published = ask(SOURCE)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HubConnectionError, match=pattern(strings.NO_CONNECTION)):
        ask(SOURCE)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match=pattern(strings.OFFLINE)):
        fetched(published, tmp_path / "model")


def test_more_bytes_than_stated_are_thrown_away(repository: Repository, tmp_path: Path) -> None:
    repository.more = b"more" * 1000
    with pytest.raises(HubError, match=pattern(strings.TOO_LONG)):
        fetched(ask(SOURCE), tmp_path / "model")
    assert [path.name for path in (tmp_path / "model").iterdir()] == [fetch.PIN]


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_other_content_than_stated_is_thrown_away(repository: Repository, tmp_path: Path, name: str) -> None:
    published = ask(SOURCE)
    repository.files[name] = bytes(len(FILES[name]))
    with pytest.raises(HubError, match=pattern(strings.WRONG_CONTENT)):
        fetched(published, tmp_path / "model")
    assert not any(path.name.endswith((".part", name)) for path in (tmp_path / "model").iterdir())
    repository.files[name] = FILES[name]
    fetched(published, tmp_path / "model")
    assert_complete(tmp_path / "model")


def test_a_damaged_file_is_fetched_again(tmp_path: Path) -> None:
    published = ask(SOURCE)
    fetched(published, tmp_path / "model")
    (tmp_path / "model" / "model.safetensors").write_bytes(bytes(len(WEIGHTS)))
    fetched(published, tmp_path / "model")
    assert_complete(tmp_path / "model")


def test_a_model_stays_what_it_was_at_the_first_fetch(repository: Repository, tmp_path: Path) -> None:
    fetched(ask(SOURCE), tmp_path / "model")
    repository.files["model.safetensors"] = bytes(5000)
    with pytest.raises(HubError, match=pattern(strings.CHANGED)):
        fetched(ask(SOURCE), tmp_path / "model")
    assert_complete(tmp_path / "model")
    (tmp_path / "model" / fetch.PIN).write_text('{"files": 3}')
    with pytest.raises(HubError, match=pattern(strings.PIN_UNREADABLE)):
        fetch.pinned(tmp_path / "model")


@pytest.mark.parametrize(
    "name", ["../model.safetensors", "/etc/model.bin", "a/../../b.json", "a\\..\\b", "x\x1b[2J"]
)
def test_names_that_lead_elsewhere_are_refused(repository: Repository, name: str) -> None:
    repository.files[name] = b"evil"
    with pytest.raises(HubError, match=pattern(strings.UNSAFE_NAME)) as refused:
        ask(SOURCE)
    assert "\x1b" not in str(refused.value)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"config.json": b""}, strings.NO_WEIGHTS),
        ({"a.pt": b"", "b.pt": b""}, strings.SEVERAL_WEIGHTS),
    ],
)
def test_a_repository_without_one_file_of_weights_is_refused(
    repository: Repository, files: dict[str, bytes], words: str
) -> None:
    repository.files = files
    with pytest.raises(HubError, match=pattern(words)):
        ask(SOURCE)


@pytest.mark.parametrize(
    "stated", [{"size": None}, {"size": -1}, {"lfs": {"sha256": "?", "size": 1, "pointerSize": 1}}]
)
def test_files_without_size_and_digest_are_refused(repository: Repository, stated: dict[str, Any]) -> None:
    repository.stated["model.safetensors"] = stated
    with pytest.raises(HubError, match=pattern(strings.NO_DIGEST)):
        ask(SOURCE)


def test_a_file_that_is_known_here_must_be_the_same() -> None:
    known = {"model.safetensors": (len(WEIGHTS), "0" * 64)}
    with pytest.raises(HubError, match=pattern(strings.NOT_THE_KNOWN_FILE)):
        ask(Source(NAME, known=known))


def test_another_commit_than_asked_for_is_refused(repository: Repository) -> None:
    with pytest.raises(HubError, match=pattern(strings.NOT_THERE)):
        ask(Source(NAME, "f" * 40))
    repository.commit = "short"
    with pytest.raises(HubError, match=pattern(strings.OTHER_COMMIT)):
        ask(SOURCE)
    with pytest.raises(HubError, match=pattern(strings.NO_REPOSITORY)):
        ask(Source("some/other"))


def test_another_host_is_not_followed(
    hub: LocalHub,
    repository: Repository,
    tmp_path: Path,
) -> None:
    repository.redirect = hub.url.replace("127.0.0.1", "localhost")
    with pytest.raises(HubError, match=pattern(strings.OTHER_HOST)):
        fetched(ask(SOURCE), tmp_path / "model")
    assert not any(path.startswith("/store") for path in hub.paths())
    assert not list((tmp_path / "model").glob("*.safetensors"))


def test_the_token_goes_to_the_hub_and_not_to_its_stores(
    hub: LocalHub, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    # A store on this machine has no certificate.
    monkeypatch.setattr(client, "_check_host", lambda _request: None)
    repository.gated, repository.redirect = "manual", hub.url.replace("127.0.0.1", "localhost")
    fetched(ask(SOURCE), tmp_path / "model")
    assert_complete(tmp_path / "model")
    with_token = {path.startswith("/store"): "authorization" in headers for _, path, headers in hub.asked}
    assert with_token == {False: True, True: False}


def test_a_gated_model_says_where_to_ask(repository: Repository, tmp_path: Path) -> None:
    repository.gated = "auto"
    assert ask(SOURCE).gated
    assert not client.has_token()
    with pytest.raises(HubError, match=pattern(strings.NO_ACCESS)):
        fetched(ask(SOURCE), tmp_path / "model")
    repository.gated, repository.status = False, 403
    with pytest.raises(HubError, match=pattern(strings.NO_ACCESS)):
        fetched(ask(SOURCE), tmp_path / "model")
    repository.status = 503
    with pytest.raises(HubError, match=pattern(strings.STATUS)):
        fetched(ask(SOURCE), tmp_path / "model")


def test_a_full_disk_is_said_before_and_while_fetching(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published, folder = ask(SOURCE), tmp_path / "model"

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(fetch, "_append", full)
        with pytest.raises(HubError, match=pattern(strings.DISK_FULL)):
            fetched(published, folder)
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 100}))
    with pytest.raises(HubError, match=pattern(strings.NO_ROOM)):
        fetched(published, folder)


def test_a_tokenizer_comes_from_a_second_repository(hub: LocalHub, tmp_path: Path) -> None:
    hub.repositories["a/tokenizer"] = Repository({"vocab.json": b"[]", "merges.txt": b"#", "model.bin": b"1"})
    published = ask(Source(NAME, tokenizer=Source("a/tokenizer", COMMIT)))
    fetched(published, tmp_path / "model")
    assert (tmp_path / "model" / "vocab.json").read_bytes() == b"[]"
    assert not (tmp_path / "model" / "model.bin").exists()


def test_what_is_said_of_known_models_can_be_used() -> None:
    sources = {name: known_source(name) for name in known_models()}
    assert [name for name, source in sources.items() if source is None] == ["hipt"]
    for name, table in known_models().items():
        hub = table.get("hub")
        if hub is not None:
            assert {"size_mb", "gated", "terms"} <= hub.keys(), name
            assert all(len(digest) == 64 for _, digest in (sources[name].known or {}).values())
            assert len(hub.get("revision", COMMIT)) == 40


def test_the_digest_of_a_blob_is_git_s() -> None:
    assert digest_of_blob(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert json.loads(b"[]") == []
