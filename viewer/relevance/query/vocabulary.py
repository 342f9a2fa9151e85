"""The words and signs of operators, and words without meaning in a query, in English. Pure data."""

import enum


class Kind(enum.Enum):
    PHRASE = enum.auto()
    AND = enum.auto()
    OR = enum.auto()
    NOT = enum.auto()
    NOT_BOTH = enum.auto()
    NEAR = enum.auto()
    FAR = enum.auto()
    OPEN = enum.auto()
    CLOSE = enum.auto()
    COMMA = enum.auto()


OPERATORS: dict[tuple[str, ...], Kind] = {
    ("and",): Kind.AND, ("but",): Kind.AND, ("with",): Kind.AND, ("containing",): Kind.AND, ("in",): Kind.AND,
    ("inside",): Kind.AND, ("within",): Kind.AND, ("plus",): Kind.AND, ("as", "well", "as"): Kind.AND,
    ("or",): Kind.OR, ("and/or",): Kind.OR, ("either",): Kind.OR,
    ("any", "of"): Kind.OR, ("either", "of"): Kind.OR, ("one", "of"): Kind.OR,
    ("not",): Kind.NOT, ("no",): Kind.NOT, ("without",): Kind.NOT, ("excluding",): Kind.NOT,
    ("except",): Kind.NOT, ("but", "not"): Kind.NOT, ("but", "no"): Kind.NOT, ("and", "not"): Kind.NOT,
    ("nor",): Kind.NOT, ("free", "of"): Kind.NOT, ("not", "in"): Kind.NOT, ("lacking",): Kind.NOT,
    ("w/o",): Kind.NOT, ("minus",): Kind.NOT, ("except", "for"): Kind.NOT, ("other", "than"): Kind.NOT,
    ("outside",): Kind.NOT, ("outside", "of"): Kind.NOT, ("neither",): Kind.NOT, ("never",): Kind.NOT,
    ("no", "longer"): Kind.NOT, ("no", "more"): Kind.NOT, ("rather", "than"): Kind.NOT,
    ("instead", "of"): Kind.NOT, ("in", "place", "of"): Kind.NOT, ("in", "lieu", "of"): Kind.NOT,
    ("anything", "but"): Kind.NOT, ("everything", "but"): Kind.NOT,
    ("all", "but"): Kind.NOT, ("absence", "of"): Kind.NOT, ("lack", "of"): Kind.NOT,
    ("devoid", "of"): Kind.NOT, ("don't",): Kind.NOT, ("doesn't",): Kind.NOT, ("isn't",): Kind.NOT,
    ("aren't",): Kind.NOT,
    ("not", "only"): Kind.AND, ("not", "just"): Kind.AND, ("not", "merely"): Kind.AND,
    ("but", "also"): Kind.AND, ("also",): Kind.AND, ("contain",): Kind.AND, ("contains",): Kind.AND,
    ("far", "from"): Kind.FAR, ("away", "from"): Kind.FAR, ("far", "away", "from"): Kind.FAR,
    ("distant", "from"): Kind.FAR, ("remote", "from"): Kind.FAR, ("nowhere", "near"): Kind.FAR,
    ("near",): Kind.NEAR, ("near", "to"): Kind.NEAR, ("next", "to"): Kind.NEAR, ("close", "to"): Kind.NEAR,
    ("beside",): Kind.NEAR, ("adjacent", "to"): Kind.NEAR, ("around",): Kind.NEAR, ("by",): Kind.NEAR,
    ("surrounding",): Kind.NEAR, ("surrounded", "by"): Kind.NEAR, ("bordering",): Kind.NEAR,
    ("along",): Kind.NEAR, ("nearby",): Kind.NEAR, ("touching",): Kind.NEAR, ("touches",): Kind.NEAR,
    ("touch",): Kind.NEAR, ("in", "contact", "with"): Kind.NEAR, ("abutting",): Kind.NEAR,
    ("adjoining",): Kind.NEAR, ("that", "touches"): Kind.NEAR, ("which", "touches"): Kind.NEAR,
    ("having",): Kind.AND, ("that", "has"): Kind.AND, ("that", "have"): Kind.AND,
    ("which", "has"): Kind.AND, ("which", "have"): Kind.AND, ("along", "with"): Kind.AND,
    ("together", "with"): Kind.AND, ("combined", "with"): Kind.AND, ("apart", "from"): Kind.NOT,
    ("aside", "from"): Kind.NOT, ("save", "for"): Kind.NOT,
    ("with", "or", "without"): Kind.NOT, ("inside", "or", "outside"): Kind.NOT,
    ("in", "or", "outside"): Kind.NOT, ("w/",): Kind.AND, ("w/out",): Kind.NOT, ("rich", "in"): Kind.AND,
    ("full", "of"): Kind.AND,
    ("filled", "with"): Kind.AND, ("infiltrated", "by"): Kind.AND, ("invaded", "by"): Kind.AND,
    ("positive", "for"): Kind.AND, ("negative", "for"): Kind.NOT, ("lack",): Kind.NOT, ("lacks",): Kind.NOT,
    ("exclude",): Kind.NOT, ("hide",): Kind.NOT, ("ignore",): Kind.NOT, ("omit",): Kind.NOT,
    ("absent",): Kind.NOT,
    ("missing",): Kind.NOT, ("nothing", "but"): Kind.AND, ("nothing", "except"): Kind.AND,
    ("surrounded", "with"): Kind.NEAR, ("alongside",): Kind.NEAR, ("adjacent",): Kind.NEAR,
    ("neighbouring",): Kind.NEAR, ("neighboring",): Kind.NEAR, ("close", "by"): Kind.NEAR,
    ("in", "proximity", "to"): Kind.NEAR, ("in", "close", "proximity", "to"): Kind.NEAR,
    ("in", "the", "vicinity", "of"): Kind.NEAR,
    ("at", "the", "edge", "of"): Kind.NEAR, ("at", "the", "border", "of"): Kind.NEAR,
    ("at", "the", "margin", "of"): Kind.NEAR, ("at", "the", "periphery", "of"): Kind.NEAR,
    ("between",): Kind.NEAR, ("in", "between"): Kind.NEAR, ("border", "between"): Kind.NEAR,
    ("boundary", "between"): Kind.NEAR, ("interface", "between"): Kind.NEAR,
    ("at", "the", "border", "between"): Kind.NEAR, ("at", "the", "interface", "between"): Kind.NEAR,
    ("not", "both"): Kind.NOT_BOTH, ("but", "not", "both"): Kind.NOT_BOTH,
    ("not", "both", "of", "them"): Kind.NOT_BOTH, ("but", "not", "both", "of", "them"): Kind.NOT_BOTH,
    ("but", "not", "both", "at", "once"): Kind.NOT_BOTH, ("but", "not", "both", "together"): Kind.NOT_BOTH,
}  # fmt: skip
"""Each as its words in lower case."""
BETWEEN = "between"
"""What ends so is near both of the two things behind it."""
ABSENT = ("absent", "missing", "lacking")
"""At the end of what is said these are about what stands before: "fat is missing"."""
DEGREES = (
    "very",
    "right",
    "directly",
    "immediately",
    "just",
    "closely",
    "only",
    "exclusively",
    "too",
    "quite",
)
"""Before "near" and "far" these say nothing: how near is a distance."""
BEFORE_DISTANCE: dict[tuple[str, ...], Kind] = {
    ("within",): Kind.NEAR, ("less", "than"): Kind.NEAR, ("at", "most"): Kind.NEAR, ("up", "to"): Kind.NEAR,
    ("under",): Kind.NEAR, ("below",): Kind.NEAR, ("over",): Kind.FAR, ("above",): Kind.FAR,
    ("greater", "than"): Kind.FAR, ("closer", "than"): Kind.NEAR, ("nearer", "than"): Kind.NEAR,
    ("no", "more", "than"): Kind.NEAR,
    ("not", "more", "than"): Kind.NEAR, ("no", "further", "than"): Kind.NEAR,
    ("not", "further", "than"): Kind.NEAR, ("no", "farther", "than"): Kind.NEAR,
    ("not", "farther", "than"): Kind.NEAR, ("not", "beyond"): Kind.NEAR,
    ("more", "than"): Kind.FAR, ("at", "least"): Kind.FAR, ("further", "than"): Kind.FAR,
    ("farther", "than"): Kind.FAR, ("beyond",): Kind.FAR, ("no", "less", "than"): Kind.FAR,
    ("not", "less", "than"): Kind.FAR, ("no", "closer", "than"): Kind.FAR,
    ("not", "closer", "than"): Kind.FAR, ("no", "nearer", "than"): Kind.FAR,
    ("not", "nearer", "than"): Kind.FAR,
}  # fmt: skip
"""What stands before "200 um of"."""
DISTANCE_OF = (
    ("at", "a", "distance", "of"), ("at", "distances", "of"), ("a", "distance", "of"), ("a", "radius", "of"),
    ("in", "a", "radius", "of"), ("distance", "of"), ("a",),
)  # fmt: skip
"""What may stand before a distance, or between it and what is before a distance."""
OR_MORE = (("or", "more"), ("or", "further"), ("or", "farther"))
"""Behind a distance these make it the least."""
REGARDLESS = ("with or without", "inside or outside", "in or outside")
"""These leave nothing out, nor ask for anything."""
BEHIND_DISTANCE = (("radius",), ("distance",), ("away",), ("apart",))
WITH = ("with", "having", "that has", "that have", "which has", "which have", "containing")
"""Before something near "it" these say that the former is near the latter: "fat with blood near it"."""
PRONOUNS = ("it", "them", "this", "that", "these", "those")
"""Behind "near" these stand for a term before."""
REPLACED = ("instead of", "rather than", "in place of", "in lieu of")
"""In front these end at the first comma, and what follows is kept: "instead of fat, blood"."""
DETERMINERS = ("no", "no more", "no longer")
"""These are about all of a name behind them: "no tumour lymphocytes"."""
AGREEING = ("neither", "nor")
"""Beside another negation these say the same once more: "no ni sangre ni grasa"."""
PREPOSITIONS = ("in", "inside", "within", "with", "containing", "contain")
"""Behind a negation these say nothing: "neither with blood nor with fat"."""
VERBS = ("is", "are")
PRESENT = (
    "present",
    "visible",
    "seen",
    "found",
    "there",
    "here",
    "identified",
    "detected",
    "evident",
    "observed",
)
"""Behind a negation these make it one of what stands before: "blood is not visible"."""
QUANTITIES = frozenset({
    "amount", "number", "rate", "percentage", "proportion", "extent", "presence", "evidence", "sign", "signs",
    "focus", "foci", "density", "lots", "plenty", "cluster", "clusters", "group", "groups",
})  # fmt: skip
"""Before "of" these say nothing: what is counted is searched for."""
LEFT_OUT = "¬"
"""In place of a minus or an exclamation mark before a word: "fat -blood"."""
MARKS = {
    "(": Kind.OPEN,
    ")": Kind.CLOSE,
    ",": Kind.COMMA,
    ";": Kind.COMMA,
    "/": Kind.OR,
    LEFT_OUT: Kind.NOT,
    "|": Kind.OR,
    "&&": Kind.AND,
    "||": Kind.OR,
    "&": Kind.AND,
    "+": Kind.AND,
}
COMMAS = (",", ";")
PADDING_BEFORE = frozenset({
    "show", "me", "find", "look", "looking", "search", "for", "where", "is", "are", "there", "the", "a",
    "an", "any", "all", "some", "please", "see", "highlight", "locate", "what", "which", "areas", "area",
    "regions", "region", "zones", "zone", "parts", "places", "place", "spots", "spot", "of", "can", "i",
    "you", "we", "display", "everything", "patches", "fields", "how", "much", "many", "that", "has", "have",
    "whole", "slide", "list", "give", "everywhere", "every", "both", "only", "do", "does",
    "just", "where's", "wheres", "want", "to", "would", "like", "could", "i'm", "im", "i'd", "anything",
    "anywhere", "am",
})  # fmt: skip
PADDING_BEHIND = frozenset({
    "located", "situated", "lying", "yes",
    "area", "areas", "region", "regions", "zone", "zones", "tissue", "here", "there", "please", "slide",
    "patches", "present", "it", "is", "are", "that", "which", "do", "does", "anymore", "has", "have",
    "where", "only", "anywhere", "everywhere",
})  # fmt: skip
RESERVED_WORDS = PADDING_BEFORE | {word for words in OPERATORS for word in words}
"""A term that holds one of these is written in quotes."""
