"""Sentences of the commands on reader studies."""

EXPORT = "write a table of all signed readings: first and last answers, confidence, times, changes, coverage"
ANALYSE = "the figures of a reader study from its table, with intervals, and what cannot be computed"
QUESTION = "the question (default: the first of the table)"
POSITIVE = "the answer that calls a case diseased (default: the question's first)"
PLOTS = "save plots (SVG) in this folder: ROC curves, changes of opinion"

EXPORTED = "{file}: {count} rows"
HEAD = (
    "question {question}, diseased is {positive!r}: {cases} cases, {with_reference} with a reference, "
    "{count} readers"
)
WAY = "{way}"
READER = "  {reader:<16} area {auc}, sensitivity {sensitivity}, specificity {specificity}"
RATIOS = "  {positive:>42} positive, {negative} negative likelihood ratio"
AGREEMENT = "  agreement ({kind}'s kappa, {cases} cases): {kappa}"
CHANGES = "changes of opinion"
READER_CHANGES = "  {reader:<16} {counts}"
NOT_KNOWN = "–"
WITH_INTERVAL = "{value:.2f} ({low:.2f} to {high:.2f})"
COMPARED = "area of {first} minus that of {second}, {cases} cases (Obuchowski and Rockette)"
COMPARISONS = {
    "readers_and_cases": (
        "  readers and cases as a sample: {difference:.4f} ({low:.4f} to {high:.4f}), "
        "F {statistic:.3f}, {error_df:.2f} df, p {p:.4f}"
    ),
    "cases": (
        "  these readers, cases as a sample: {difference:.4f} ({low:.4f} to {high:.4f}), "
        "chi-square {statistic:.3f}, p {p:.4f}"
    ),
    "readers": (
        "  these cases, readers as a sample: {difference:.4f} ({low:.4f} to {high:.4f}), "
        "F {statistic:.3f}, {error_df:.0f} df, p {p:.4f}"
    ),
}
