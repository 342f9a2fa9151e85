"""The words and signs of operators, and words without meaning in a query, in English. Pure data."""

import enum


class Kind(enum.Enum):
    PHRASE = enum.auto()
    AND = enum.auto()
    OR = enum.auto()
    NOT = enum.auto()
    NEAR = enum.auto()
    OPEN = enum.auto()
    CLOSE = enum.auto()
    COMMA = enum.auto()


OPERATORS: dict[tuple[str, ...], Kind] = {
    ("and",): Kind.AND, ("but",): Kind.AND, ("with",): Kind.AND, ("containing",): Kind.AND, ("in",): Kind.AND,
    ("inside",): Kind.AND, ("within",): Kind.AND, ("plus",): Kind.AND, ("as", "well", "as"): Kind.AND,
    ("or",): Kind.OR, ("and/or",): Kind.OR, ("either",): Kind.OR,
    ("not",): Kind.NOT, ("no",): Kind.NOT, ("without",): Kind.NOT, ("excluding",): Kind.NOT,
    ("except",): Kind.NOT, ("but", "not"): Kind.NOT, ("but", "no"): Kind.NOT, ("and", "not"): Kind.NOT,
    ("nor",): Kind.NOT, ("free", "of"): Kind.NOT, ("not", "in"): Kind.NOT, ("lacking",): Kind.NOT,
    ("w/o",): Kind.NOT, ("minus",): Kind.NOT, ("except", "for"): Kind.NOT, ("other", "than"): Kind.NOT,
    ("outside",): Kind.NOT, ("outside", "of"): Kind.NOT,
    ("near",): Kind.NEAR, ("near", "to"): Kind.NEAR, ("next", "to"): Kind.NEAR, ("close", "to"): Kind.NEAR,
    ("beside",): Kind.NEAR, ("adjacent", "to"): Kind.NEAR, ("around",): Kind.NEAR, ("by",): Kind.NEAR,
    ("surrounding",): Kind.NEAR, ("surrounded", "by"): Kind.NEAR, ("bordering",): Kind.NEAR,
    ("along",): Kind.NEAR, ("nearby",): Kind.NEAR,
}  # fmt: skip
"""Each as its words in lower case."""
MARKS = {
    "(": Kind.OPEN,
    ")": Kind.CLOSE,
    ",": Kind.COMMA,
    ";": Kind.COMMA,
    "|": Kind.OR,
    "&&": Kind.AND,
    "||": Kind.OR,
    "&": Kind.AND,
    "+": Kind.AND,
}
PADDING_BEFORE = frozenset({
    "show", "me", "find", "look", "looking", "search", "for", "where", "is", "are", "there", "the", "a",
    "an", "any", "all", "some", "please", "see", "highlight", "locate", "what", "which", "areas", "area",
    "regions", "region", "zones", "zone", "parts", "places", "place", "spots", "spot", "of", "can", "i",
    "you", "we", "display", "everything", "patches", "fields", "how", "much", "many", "that", "has", "have",
    "whole", "slide", "list", "give", "everywhere", "every",
})  # fmt: skip
PADDING_BEHIND = frozenset({
    "area", "areas", "region", "regions", "zone", "zones", "tissue", "here", "there", "please", "slide",
    "patches", "present", "it",
})  # fmt: skip
RESERVED_WORDS = PADDING_BEFORE | {word for words in OPERATORS for word in words}
"""A term that holds one of these is written in quotes."""
