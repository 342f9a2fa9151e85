"""What this room says to the reader; ``{name}`` stands for a value."""

from __future__ import annotations

# Queries that cannot be used.
TOO_LONG = "The query is {length:,} characters long; {most:,} is the most."
NO_TERMS = "There is nothing to look for; type what you want to see, such as a tissue."
TOO_MANY_TERMS = "The query has too many terms; {most} is the most."
TOO_DEEP = "The query is nested too deeply; {most} steps are the most."
UNCLEAR_END = (
    "What “{operator}” is about, and what is searched for, is not clear: write what is searched for first "
    "(“fat without blood”, “fat near blood”), or join what belongs together with “and”."
)
UNCLEAR_PRONOUN = (
    "What “{operator} {pronoun}” is about is not clear: write the term in place of “{pronoun}”, "
    "such as “fat near blood”."
)
UNCLEAR_BOTH = (
    "What “{operator}” is about is not clear: write it of two terms, such as “fat or blood but not both”."
)
UNCLEAR_BETWEEN = (
    "What “{operator}” is about is not clear: write it of two terms (“fat between blood and mucin”), "
    "or write one distance (“within 200 µm of fat”)."
)
SAYS_NOTHING = "“{operator}” asks for nothing: leave it out, with what stands behind it."
UNCLEAR_NOT = (
    "Whether “{operator}” is about “{term}” alone or about all before it is not clear: "
    "write “fat without blood” or “neither fat nor blood”."
)
CONTRADICTION = "The query asks for “{term}” and leaves it out at the same time: nothing can match."

# Parts of a query that are left out.
OPEN_QUOTE = "A quotation mark is not closed; it is closed at the end."
OPEN_BRACKET = "A bracket is not closed; it is closed at the end."
STRAY_BRACKET = "A closing bracket has no opening one; it is left out."
EMPTY_BRACKETS = "A pair of brackets holds no term; it is left out."
DEEP_BRACKETS = "Brackets are nested deeper than {most}; the innermost are left out."
NOTHING_FOLLOWS = "Nothing follows “{operator}”; it is left out."
NOTHING_BEFORE = "Nothing stands before “{operator}”; it is left out."
UNKNOWN_SIGNS = "Signs without a meaning in a query are left out."

# How parts of a query are read.
READ_AS = "“{text}” is read as “{term}”."
READ_IN = "Read as {language}."
READ_TERMS_IN = "Read as {language}: {terms}."
READ_TERM_IN = "“{text}” is “{term}”"
READ_AS_SEVERAL = "“{text}” is read as {terms}."
ONE_OF_SEVERAL = "“{term}”"
BETWEEN_SEVERAL = " and "
INSIDE_AS_AND = "“{operator}” is read as “and”: whether something lies inside is not measured."
BETWEEN_AS_NEAR = "“{operator}” is read as near both: whether something lies between them is not measured."
NOT_ANY_OF = "“{operator}” is read as about all that follows. Use brackets for another meaning."
NOT_ANY_BEFORE = (
    "“{operator}” is read as about each of the things before it. Use brackets for another meaning."
)
NEAR_ONE = "“{operator}” is read as about “{term}” alone. Use brackets for another meaning."
OF_ONE = "“{operator}” is read as said of “{term}” alone. Use brackets for another meaning."
DISTANCE_RANGE = "A distance is above 0 and at most {most:,.0f} µm; {used:g} µm is used."
APPROXIMATE = "“{text}” is approximate: {limits}."
RANKED = "“{text}” is read by {ranked}."
COMPOSED = "“{text}” is read by its rule: {rule}. It means {meaning}, and cannot be told from {limits}."
NOT_MEASURABLE = (
    "“{text}” cannot be measured from stain and texture: {reason}. A vision–language model may find it."
)
PART_MISSING = "“{text}” cannot be answered: {reason}. A vision–language model may find it."
UNKNOWN_TERM = "“{text}” is not known to the lexicon. A vision–language model may find it."
ALSO_IN = "“{text}” is {language} for “{term}”."
DID_YOU_MEAN = "Did you mean {terms}?"
TRY = "Try {terms}."

# Roles of terms.
WITHOUT = "without "
NEAR = "within {distance_um:g} µm of "
BEYOND = "more than {distance_um:g} µm from"
EXAMPLES = "places like your examples"

# Saved queries.
NAME_MISSING = "A saved query needs a name."
NAME_TOO_LONG = "A name has {most} characters at most."
TOO_MANY_SAVED = "{most} queries are saved, which is the most; remove one first."
HISTORY_TOO_LARGE = "it is larger than {most_mb} MB"
HISTORY_UNREADABLE = "{path}: earlier and saved queries cannot be read: {reason}"
HISTORY_DAMAGED = "{path}: saved queries are damaged and could not be set aside: {reason}"
HISTORY_SET_ASIDE = "{path}: saved queries were damaged and start afresh; the old file is now {name}"
NOT_SAVED_UNREADABLE = "not saved, what it holds could not be read and would be lost"
NOT_SAVED_DAMAGED = "not saved, what it holds is damaged and would be lost"
NOT_SAVED_TOO_MANY = "not saved, with another Foveola's there are more than {most} queries; remove some"
NO_SAVED_QUERY = "this is no saved query ({error})"
SAVED_QUERY_TOO_LARGE = "a query has {most} terms at most"

# The sentence model.
NEEDS_SENTENCES = "reading it needs the extra 'sentences': pip install 'foveola[sentences]'"
FILE_UNREADABLE = "it cannot be read: {error}"
OTHER_FILE = "its content is not the one expected (SHA-256 differs); install it again"
