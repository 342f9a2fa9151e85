"""Protocols: those shipped, those of a laboratory, what is refused, and what is not analysed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import tomlkit

from viewer.relevance.encoders.card import HeadEntry
from viewer.relevance.encoders.measured.card import MEASURED, SALIENCY
from viewer.relevance.encoders.vocabulary import lexicon_of
from viewer.relevance.query.lexicon import load_lexicon
from viewer.relevance.query.parser import parse
from viewer.review.asked import Encoders, asked
from viewer.review.protocols import (
    DEFAULT,
    MAX_FINDINGS,
    ProtocolError,
    find_protocol,
    own_folder,
    parse_protocol,
    read_protocols,
)

if TYPE_CHECKING:
    from pathlib import Path

SHIPPED = ("general", "colon_polyp", "coverage_only", "lymph_node")


def table(**changes: Any) -> dict[str, Any]:
    """A good protocol, with changes; a key of None is taken out."""
    good: dict[str, Any] = {
        "title": "Liver",
        "purpose": "Biopsies of the liver.",
        "limits": "Iron is not read.",
        "query": [{"text": "necrosis", "threshold": 0.5}],
        "question": [{"id": "stage", "text": "Stage", "kind": "grade", "options": ["F0", "F1"]}],
        "coverage": {"magnification": 10, "share": 0.9},
        "findings": {"most": 5, "least_um": 50, "merge_um": 100.5},
    }
    return {key: value for key, value in (good | changes).items() if value is not None}


def data(**changes: Any) -> bytes:
    return tomlkit.dumps(table(**changes)).encode()


def put(name: str, content: bytes) -> Path:
    own_folder().mkdir(parents=True, exist_ok=True)
    file = own_folder() / f"{name}.toml"
    file.write_bytes(content)
    return file


def encoders(chosen: str = "", **heads: HeadEntry) -> Encoders:
    return Encoders({card.id: card for card in (MEASURED, SALIENCY)}, heads, chosen, lexicon_of)


def test_the_shipped_ones_are_read_and_the_general_one_is_the_default() -> None:
    found, problems = read_protocols()
    assert tuple(found) == SHIPPED
    assert problems == ()
    assert find_protocol(DEFAULT).name == DEFAULT
    assert not find_protocol("coverage_only").queries


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_queries_are_words_of_the_lexicon(name: str) -> None:
    for query in find_protocol(name).queries:
        parsed = parse(query.text, load_lexicon())
        assert parsed.query is not None
        assert not parsed.unknown


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_protocols_say_their_limits(name: str) -> None:
    protocol = find_protocol(name)
    assert protocol.limits
    assert "negative" not in f"{protocol.limits} {protocol.purpose}"


def test_a_laboratory_adds_protocols_and_replaces_ours() -> None:
    put("liver", data(head=[{"name": "fibrosis", "class": "F4", "threshold": 0.5}]))
    put("general", data(title="Our general one"))
    found, problems = read_protocols()
    assert problems == ()
    liver = found["liver"]
    assert liver.is_own
    assert (liver.queries[0].threshold, liver.heads[0].class_name) == (0.5, "F4")
    assert (liver.questions[0].options, liver.findings.merge_um) == (("F0", "F1"), 100.5)
    assert found["general"].title == "Our general one"
    assert liver.digest != found["general"].digest


def test_a_bad_file_costs_no_other_and_is_named() -> None:
    file = put("bad", data(title=3))
    put("with space", data())
    put("liver", data())
    found, problems = read_protocols()
    assert {*SHIPPED, "liver"} == set(found)
    assert len(problems) == 2
    assert problems[0].startswith(f"{file}: title: ")
    with pytest.raises(ProtocolError, match="title"):
        find_protocol("bad")
    with pytest.raises(ProtocolError, match=r"'none'.*general"):
        find_protocol("none")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"title": None}, "title: it is missing"),
        ({"purpose": " "}, "purpose: .*text"),
        ({"colour": "red"}, "colour: there is no such key"),
        ({"query": {"text": "a"}}, r"query: .*\[\[query\]\]"),
        ({"query": [{"text": "necrosis"}]}, "query 1: threshold: it is missing"),
        ({"query": [{"text": "necrosis", "threshold": 1.5}]}, "query 1: threshold: .*0 to 1"),
        ({"query": [{"text": "necrosis", "threshold": float("nan")}]}, "query 1: threshold"),
        ({"query": [{"text": "necrosis", "threshold": True}]}, "query 1: threshold"),
        ({"query": [{"text": "(", "threshold": 0.5}]}, "query 1: text: .*query"),
        ({"query": [{"text": "necrosis", "threshold": 0.5}] * 2}, "query 2: text: 'necrosis' stands twice"),
        ({"query": [{"text": "necrosis", "threshold": 0.5}] * 51}, "query: .*50 at most"),
        ({"head": [{"name": "a", "threshold": 0.5}]}, "head 1: class: it is missing"),
        ({"question": [{"id": "a b", "text": "x", "kind": "text"}]}, "question 1: id: .*'a b'"),
        ({"question": [{"id": "a", "text": "x", "kind": "number"}]}, "question 1: kind: .*yes/no"),
        ({"question": [{"id": "a", "text": "x", "kind": "choice"}]}, "question 1: options: it is missing"),
        (
            {"question": [{"id": "a", "text": "x", "kind": "choice", "options": ["b", "b"]}]},
            "question 1: options",
        ),
        ({"question": [{"id": "a", "text": "x", "kind": "text", "options": ["b", "c"]}]}, "options: only"),
        ({"question": [{"id": "a", "text": "x", "kind": "text"}] * 2}, "question 2: id: 'a' stands twice"),
        ({"query": None, "question": None}, "nothing to look for"),
        ({"coverage": 10}, r"coverage: .*\[coverage\]"),
        ({"coverage": {"magnification": 0, "share": 0.9}}, "coverage: magnification"),
        ({"coverage": {"magnification": 10, "share": 95}}, "coverage: share: .*0 to 1"),
        ({"findings": {"most": 2.5, "least_um": 0, "merge_um": 0}}, "findings: most: .*whole"),
        ({"findings": {"most": MAX_FINDINGS + 1, "least_um": 0, "merge_um": 0}}, "findings: most"),
        ({"findings": {"most": 1, "least_um": -1, "merge_um": 0}}, "findings: least_um"),
    ],
)
def test_what_is_wrong_is_said_with_its_key(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ProtocolError, match=message):
        parse_protocol("liver", data(**changes), is_own=True)


@pytest.mark.parametrize("content", [b"title =", b"\xff\xfe", b"a = " + b"[" * 5000, b"#" * ((1 << 20) + 1)])
def test_files_that_are_no_protocol_are_refused(content: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_protocol("liver", content, is_own=True)


def test_what_the_encoder_cannot_name_is_not_analysed() -> None:
    queries = [{"text": word, "threshold": 0.5} for word in ("necrosis", "mitosis", "flibbertigibbet")]
    protocol = parse_protocol("p", data(query=queries), is_own=True)
    necrosis, mitosis, unknown = asked(protocol, encoders())
    assert necrosis.query is not None
    assert not necrosis.not_analysed
    assert mitosis.query is unknown.query is None
    assert "mitosis" in mitosis.not_analysed
    assert "flibbertigibbet" in unknown.not_analysed


def test_an_encoder_without_words_analyses_none() -> None:
    (one,) = asked(parse_protocol("p", data(), is_own=True), encoders(SALIENCY.id))
    assert SALIENCY.title in one.not_analysed


def test_a_threshold_counts_for_its_encoder_alone() -> None:
    queries = [{"text": "necrosis", "threshold": 0.5, "encoder": name} for name in ("measured", "absent")]
    for query in queries:
        (one,) = asked(parse_protocol("p", data(query=[query]), is_own=True), encoders(SALIENCY.id))
        assert one.encoder == query["encoder"]
        assert ("absent" in one.not_analysed) is (query["encoder"] == "absent")


def test_a_protocol_is_calibrated_where_each_threshold_is_for_an_encoder() -> None:
    queries = [
        {"text": "necrosis", "threshold": 0.5, "encoder": "measured"},
        {"text": "fat", "threshold": 0.5},
    ]
    assert parse_protocol("p", data(query=queries[:1]), is_own=True).is_calibrated
    assert not parse_protocol("p", data(query=queries), is_own=True).is_calibrated
    assert not find_protocol(DEFAULT).is_calibrated


def test_slide_heads_that_are_not_here_are_not_analysed(tmp_path: Path) -> None:
    heads = [{"name": name, "class": "yes", "threshold": 0.6} for name in ("here", "other", "absent")]
    protocol = parse_protocol("p", data(query=None, head=heads), is_own=True)
    entries = {
        name: HeadEntry(name, name, tmp_path / "head.pt", "measured", "1", 39, classes)
        for name, classes in (("here", ("no", "yes")), ("other", ("a", "b")))
    }
    here, other, absent = asked(protocol, encoders(**entries))
    assert (here.not_analysed, here.encoder, here.threshold) == ("", "head/here", 0.6)
    assert "a, b" in other.not_analysed
    assert "absent" in absent.not_analysed
