"""The model card of a trained tissue encoder: its data, its figures on held-out cases, its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viewer.common.text import escape_control
from viewer.relevance.encoders.tissue.card import FAILURES
from viewer.relevance.encoders.tissue.classes import tissue_classes
from viewer.relevance.encoders.tissue.meaning import NO_THRESHOLD
from viewer.relevance.training.tissue import strings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def as_markdown(facts: Mapping[str, Any], *, pictured: bool) -> str:
    """The facts that ``train_tissue`` returns, as a page to read; ``pictured``: with the sheet of failures
    that lies beside it."""
    slides = facts["slides"]
    cases = {name: len({one["case"] for one in part}) for name, part in slides.items()}
    counts = {name: len(part) for name, part in slides.items()}
    lines = [
        strings.CARD_TITLE,
        "",
        strings.CARD_USE.format(research_use=facts["note"]),
        "",
        strings.CARD_DATA.format(
            slides=sum(counts.values()),
            train=counts["train"],
            train_cases=cases["train"],
            calibration=counts["calibration"],
            test=counts["test"],
            test_cases=cases["test"],
            steps=_steps(facts["options"]),
            seed=facts["options"]["seed"],
            start=escape_control(facts["options"]["start"] or strings.CARD_RANDOM_START),
        ),
        "",
        strings.CARD_LABELS,
        "",
    ]
    tested = facts["test"]
    if not tested:
        return "\n".join([*lines, strings.CARD_NOT_TESTED, ""])
    classes = tested["classes"]
    lines += [
        strings.CARD_CLASSES.format_map(classes),
        "",
        strings.CARD_CLASS_TABLE,
        *(
            strings.CARD_CLASS_ROW.format(
                title=one.title,
                auc=_with_interval(classes["by_class"][one.id]),
                within=_number(classes["by_class"][one.id]["auc_within_slides"]),
                lowest=_number(classes["by_class"][one.id]["lowest_within_slides"]),
                **{key: classes["by_class"][one.id][key] for key in ("slides", "patches", "recall")},
            )
            for one in tissue_classes()
            if one.id in classes["by_class"]
        ),
        "",
        strings.CARD_UNTESTED.format(
            names=", ".join(one.title for one in tissue_classes() if one.id not in classes["by_class"])
        ),
        "",
    ]
    if tested["meanings"]:
        lines += [strings.CARD_MEANINGS, "", strings.CARD_MEANING_TABLE]
        lines += [_meaning_row(one) for one in tested["meanings"].values()]
        lines.append("")
    if tumour := tested["tumour"]:
        shares = tumour["tumour_free_above_half"]
        lines += [
            strings.CARD_TUMOUR.format(
                auc=_with_interval(tumour),
                alarms=tumour["false_alarms_at_80_recall"],
                mean=_mean(list(shares.values())),
                worst=max(shares.values()),
                worst_slide=escape_control(max(shares, key=lambda name: shares[name])),
                error=tumour["calibration_error"],
            ),
            "",
            strings.CARD_TUMOUR_TABLE,
            *(
                strings.CARD_TUMOUR_ROW.format(
                    slide=escape_control(name),
                    diagnosis=escape_control(one["diagnosis"]).replace("|", "/"),
                    **{key: one[key] for key in ("auc", "false_alarms_at_80_recall", "above_threshold")},
                )
                for name, one in tumour["by_slide"].items()
            ),
            "",
        ]
    if novel := facts["novel"]:
        worst = max(novel, key=lambda name: novel[name])
        lines += [
            strings.CARD_NOVEL.format(
                mean=_mean(list(novel.values())), worst=novel[worst], worst_slide=escape_control(worst)
            ),
            "",
        ]
    if wrong := facts["failures"]:
        lines += [strings.CARD_FAILURES, ""]
        lines += [strings.CARD_PICTURES.format(file=FAILURES), ""] if pictured else []
        lines.append(strings.CARD_FAILURE_TABLE)
        lines += [_failure_row(number, one) for number, one in enumerate(wrong, 1)]
        lines.append("")
    return "\n".join([*lines, strings.CARD_LIMITS, ""])


def _steps(options: Mapping[str, Any]) -> str:
    is_early = options["until"] is not None and options["until"] < options["steps"]
    return (strings.CARD_FINISHED_EARLY if is_early else strings.CARD_STEPS).format_map(options)


def _meaning_row(meaning: Mapping[str, Any]) -> str:
    """What a class's values meant: at its threshold, and at and above each level."""
    has_threshold = meaning["threshold"] < NO_THRESHOLD
    levels = [
        strings.CARD_LEVEL.format_map(one) if one["patches"] else strings.CARD_UNDEFINED
        for one in meaning["levels"]
    ]
    return strings.CARD_MEANING_ROW.format(
        title=meaning["title"],
        threshold=f"{meaning['threshold']:.2f}" if has_threshold else strings.CARD_UNDEFINED,
        recall=meaning["recall"],
        alarms=meaning["false_alarms"],
        worst=meaning["worst"],
        levels=" | ".join(levels),
    )


def _failure_row(number: int, wrong: Mapping[str, Any]) -> str:
    return strings.CARD_FAILURE_ROW.format(
        number=number,
        kind=strings.CARD_MISSED if wrong["is_tumour"] else strings.CARD_ALARM,
        tissue=wrong["tissue"] or strings.CARD_NO_REGION,
        probability=wrong["probability"],
        slide=escape_control(wrong["slide"]),
        diagnosis=escape_control(wrong["diagnosis"]).replace("|", "/"),
    )


def _with_interval(area: Mapping[str, Any]) -> str:
    if area["interval"] is None:
        return _number(area["auc"])
    low, high = area["interval"]
    return strings.CARD_INTERVAL.format(auc=area["auc"], low=low, high=high)


def _number(value: float | None) -> str:
    return strings.CARD_UNDEFINED if value is None else f"{value:.3f}"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
