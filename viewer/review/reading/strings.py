"""Sentences about readings."""

FIRST_OPINION_FIRST = "This case is read blinded: record your first opinion, then the findings are shown."
UNAIDED = "This case is read unaided: nothing that the program found is shown."
SIGNED = "This reading is signed. Open the case again to add to it."
ERASED = "Case {case} was erased: nothing more is recorded about it."
NOT_OPEN = "This reading is not open."
REASON_MISSING = "Give a reason for the change: the first opinion stays as it was."
NO_OPINION = "Record an opinion before you sign."
NOT_THIRD = "Only a reader who has not signed this case, of which a point was deferred, can adjudicate it."
NO_DECISION = "To adjudicate, give your name and the reason of your decision."
ADJUDICATION = "I have adjudicated this case: {reason}"
NO_NAME = "A signature needs your name."
OPEN_DISCORDANCES = {
    True: "One point is open. Resolve or defer it before you sign.",
    False: "{count} points are open. Resolve or defer each before you sign.",
}
MISSING_ANSWERS = "Answer these questions first: {questions}."
NO_SUCH_FINDING = "This case has no finding {finding}."
NOT_REVEALED = "The program's findings are not shown yet."
BAD_CONFIDENCE = "Confidence is a number from 0 to 100, not {value}."
BAD_EVENT = "Event {number} of the record cannot be read: {reason}"

UNNAMED = "a mark without a class"

DISCORDANCES = {
    "missed": "{label}: the program found it, you did not mark it",
    "extra": "{label}: you marked it, the program did not find it",
    "class": "You marked {mine}, the program found {theirs}",
    "extent": "{label}: you and the program differ in its extent",
    "answer": "“{question}”: you said {mine}, another reader said {theirs}",
}
