"""How well measured concepts and the tissue encoder rank what words mean, on the same patches of test slides.

Run: PYTHONPATH=. python tests/bench/word_figures.py CORPUS --keep FOLDER [--write]
CORPUS as ``foveola train-encoder`` takes it; of its part "test", patches are cut as the training cuts them.
FOLDER keeps cuts and features, so that changed concepts are tried in seconds. A word's patches are ranked
against the regions of other classes, of tumours against all tissue of tumour-free slides. ``--write`` renews
the file of the figures that the encoders state of themselves.
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer import RESEARCH_USE
from viewer.relevance.encoders.measured.card import MEASURED
from viewer.relevance.encoders.measured.encoder import MeasuredEncoder
from viewer.relevance.encoders.tissue.card import shipped_folder, tissue_facts
from viewer.relevance.encoders.tissue.classes import class_indices, tissue_classes
from viewer.relevance.encoders.tissue.encoder import TissueEncoder
from viewer.relevance.encoders.tissue.meaning import class_weights, key_of_classes
from viewer.relevance.encoders.word_figures import FILE
from viewer.relevance.query.lexicon import class_entries, load_lexicon
from viewer.relevance.query.tree import Term
from viewer.relevance.training.report import auc
from viewer.relevance.training.tissue.corpus import read_corpus
from viewer.relevance.training.tissue.patches import corpus_mpp_um, cut_patches
from viewer.slide.formats.registry import open_slide
from viewer.slide.tissue.mask import tissue_mask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from viewer.relevance.training.tissue.corpus import CorpusSlide
    from viewer.relevance.training.tissue.patches import SlidePatches

PER_REGION, OF_TUMOUR_FREE, OF_OTHERS = 16, 200, 60
"""Patches measured at most: of a region, and of all tissue of slides without tumour and with."""
RESAMPLES, SEED, FEWEST_CASES = 1000, 0, 3


@dataclass(frozen=True, slots=True)
class Measured:
    """One slide: ``features`` (n, all of the tissue encoder) and ``labels`` (n,), -1 outside regions."""

    slide: CorpusSlide
    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    calibration: Mapping[str, Any]


def main() -> None:
    """Prints a line a word."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--keep", type=Path, required=True, help="folder of cuts and features")
    parser.add_argument("--write", action="store_true", help="renew resources/encoders/" + FILE)
    options = parser.parse_args()
    facts = tissue_facts()
    assert facts is not None, "a tissue encoder is shipped"
    encoder = TissueEncoder.load()
    slides = list(measured_slides(encoder, options.corpus, options.keep))
    words = dict(of_words(encoder, slides))
    if options.write:
        content = {
            "note": RESEARCH_USE,
            "command": "python tests/bench/word_figures.py CORPUS --keep FOLDER --write",
            "patches": (
                f"at most {PER_REGION} of a region, {OF_TUMOUR_FREE} of all tissue of a tumour-free slide; "
                "regions against those of other classes, tumour against all tissue of tumour-free slides; "
                f"intervals: middle 95 % of {RESAMPLES} draws of cases"
            ),
            "tissue_sha256": facts.weights_sha256,
            "measured_version": MEASURED.version,
            "test_slides": len(slides),
            "words": words,
        }
        (shipped_folder() / FILE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def measured_slides(encoder: TissueEncoder, corpus: Path, keep: Path) -> Iterator[Measured]:
    """Of part "test", each measured once by encoders of one version."""
    for slide in read_corpus(corpus).slides:
        patches = cut_patches(slide, keep, seed=SEED) if slide.part == "test" else None
        if patches is None:
            continue
        file = keep / f"{slide.name}-{encoder.card.version}.npz"
        if not file.exists():
            np.savez(file, **measured(encoder, patches))
            sys.stdout.write(f"{slide.name} measured\n")
            sys.stdout.flush()
        with np.load(file) as kept:
            yield Measured(slide, kept["features"], kept["labels"], json.loads(str(kept["calibration"])))


def measured(encoder: TissueEncoder, patches: SlidePatches) -> dict[str, Any]:
    """Of a sample of the patches; the stains are those of the slide."""
    slide, random = patches.slide, np.random.default_rng(SEED)
    regions = [np.flatnonzero(patches.regions == one) for one in np.unique(patches.regions) if one >= 0]
    most = OF_TUMOUR_FREE if slide.tumour_free else OF_OTHERS
    chosen = [*(random.permutation(one)[:PER_REGION] for one in regions)]
    sample = np.sort(np.concatenate([*chosen, random.permutation(patches.of_tissue)[:most]]))
    with closing(open_slide(slide.path)) as source:
        mpp_um = corpus_mpp_um(slide, source)
        calibration = encoder.calibrate(source, tissue_mask(source, mpp_um), mpp_um)
    features = [
        encoder.encode(np.ascontiguousarray(one), calibration)[0, 0] for one in patches.pixels[sample]
    ]
    return {
        "features": np.stack(features),
        "labels": patches.labels[sample],
        "calibration": json.dumps(calibration),
    }


def of_words(encoder: TissueEncoder, slides: list[Measured]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Figures for JSON by the first name of a term; of its names that are measured otherwise, by each."""
    lexicon, alone = load_lexicon(), MeasuredEncoder()
    for entry in class_entries():
        classes = class_weights(entry.weights)
        seen: set[tuple[tuple[str, float], ...]] = set()
        for name in entry.names:
            other = lexicon.find(name)
            weights = other.weights if other is not None else ()
            if weights in seen or (seen and not weights):
                continue
            seen.add(weights)
            found = _of_word(encoder, alone, slides, Term(name, entry.weights), Term(name, weights), classes)
            if found is not None:
                yield name, found


def _of_word(
    encoder: TissueEncoder,
    alone: MeasuredEncoder,
    slides: list[Measured],
    by_class: Term,
    by_concept: Term,
    classes: Mapping[str, float],
) -> dict[str, Any] | None:
    numbers = [class_indices()[name] for name in classes]
    of_tumour = all(tissue_classes()[number].tumour for number in numbers)
    tumours = [number for number, one in enumerate(tissue_classes()) if one.tumour]
    tissue, measured_values, truth, cases = [], [], [], []
    for one in slides:
        there = np.isin(one.labels, numbers)
        if of_tumour:
            absent = np.full(len(there), one.slide.tumour_free) & ~np.isin(one.labels, tumours)
        else:
            absent = (one.labels >= 0) & ~there
        used = there | absent
        tissue.append(encoder.score(by_class, one.features, one.calibration)[used])
        if by_concept.weights:
            concepts = np.ascontiguousarray(one.features[:, : MEASURED.feature_count])
            measured_values.append(alone.score(by_concept, concepts, one.calibration)[used])
        truth.append(there[used])
        cases += [one.slide.case] * int(used.sum())
    positive = np.concatenate(truth)
    if not positive.any() or positive.all():
        return None
    readers = {"tissue": np.concatenate(tissue)}
    if measured_values:
        readers["measured"] = np.concatenate(measured_values)
    areas = {name: auc(values, positive) for name, values in readers.items()}
    drawn = _drawn(readers, positive, np.array(cases))
    gain = None
    if drawn is not None and measured_values:
        gain = _middle(drawn["tissue"] - drawn["measured"])
    facts: dict[str, Any] = {
        "classes": key_of_classes(classes),
        "patches": int(positive.sum()),
        "against": int((~positive).sum()),
        "slides": sum(bool(one.any()) for one in truth),
        "measured": None,
        "gain": gain,
    }
    for name, area in areas.items():
        facts[name] = {"auc": _rounded(area), "interval": None if drawn is None else _middle(drawn[name])}
    sys.stdout.write(f"{by_class.text}: {json.dumps(facts)}\n")
    return facts


def _drawn(
    readers: Mapping[str, NDArray[np.float32]], positive: NDArray[np.bool_], cases: NDArray[np.str_]
) -> dict[str, NDArray[np.float64]] | None:
    """AUROCs of all readers on the same draws of cases, those with the word and those without each among
    themselves; None of too few cases with it."""
    names, owner = np.unique(cases, return_inverse=True)
    has = np.array([positive[owner == number].any() for number in range(len(names))])
    if has.sum() < FEWEST_CASES:
        return None
    random = np.random.default_rng(SEED)
    strata = [np.flatnonzero(has), np.flatnonzero(~has)]
    found: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(RESAMPLES):
        counts = np.zeros(len(names))
        for members in strata:
            if len(members):
                np.add.at(counts, random.choice(members, len(members)), 1)
        weights = counts[owner]
        for name, values in readers.items():
            area = auc(values, positive, weights)
            if area is not None:
                found[name].append(area)
    return {name: np.array(areas) for name, areas in found.items()}


def _middle(values: NDArray[np.float64]) -> list[float]:
    return [_rounded(value) for value in np.quantile(values, (0.025, 0.975))]


def _rounded(value: float | None) -> float:
    assert value is not None
    return round(float(value), 4)


if __name__ == "__main__":
    main()
