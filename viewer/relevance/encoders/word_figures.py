"""How well measured concepts and the tissue encoder that comes with Foveola rank what words mean: both on the
same patches of slides kept out of training, as ``tests/bench/word_figures.py`` recorded it. No torch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from viewer.common.log import logger
from viewer.relevance.encoders import strings
from viewer.relevance.encoders.tissue import card

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from viewer.relevance.encoders.tissue.meaning import Meaning

log = logger("relevance")
FILE = "words.json"
CLEAR_GAIN = 0.02
"""Of AUROC, beside an interval of the gain above 0: less is no reason to encode a slide a second time."""
FEWEST_PATCHES = 20
"""With fewer nothing is said of a word but that."""
WEAK_BELOW, WEAK_RECALL = 0.9, 0.5
"""AUROC, and the share of a word's patches that reach its threshold: with less the reader is warned."""


@dataclass(frozen=True, slots=True)
class WordFigures:
    """Of one word on ``slides`` test slides that show it, in so many ``patches``: the AUROC of each encoder,
    ``measured`` None where that is not measured; ``gain``: 95 % of by how much the tissue encoder's is
    higher, None of too few cases."""

    slides: int
    patches: int
    measured: float | None
    tissue: float
    gain: tuple[float, float] | None

    @property
    def tissue_is_better(self) -> bool:
        """Clearly: by a margin, and by the interval."""
        if self.measured is None or self.gain is None:
            return False
        return self.tissue - self.measured >= CLEAR_GAIN and self.gain[0] > 0


@dataclass(frozen=True, slots=True, eq=False)
class AllFigures:
    """``words``: by a name of theirs. ``tissue_sha256``: of the weights that they are of. One object while
    the file is the same."""

    words: Mapping[str, WordFigures] = field(default_factory=dict)
    tissue_sha256: str = ""

    def of(self, names: Iterable[str]) -> dict[str, WordFigures]:
        """Those of these names."""
        return {name: self.words[name] for name in names if name in self.words}


_NONE = AllFigures()


def word_figures() -> AllFigures:
    """What is recorded; nothing where the file is missing or damaged: then nothing is claimed."""
    path = card.shipped_folder() / FILE
    try:
        stat = path.stat()
    except OSError:
        return _NONE
    return _read(path, stat.st_mtime_ns)


@lru_cache(maxsize=2)
def _read(path: Path, _mtime_ns: int) -> AllFigures:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        words = {name: _figures(one) for name, one in content["words"].items()}
        return AllFigures(words, str(content["tissue_sha256"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        log.exception("%s: no figures on words are used", path)
        return _NONE


def _figures(one: Mapping[str, Any]) -> WordFigures:
    gain, measured = one["gain"], one["measured"]
    return WordFigures(
        int(one["slides"]),
        int(one["patches"]),
        None if measured is None else float(measured["auc"]),
        float(one["tissue"]["auc"]),
        None if gain is None else (float(gain[0]), float(gain[1])),
    )


def by_measured(figures: WordFigures, *, tissue_names_it: bool) -> str:
    """That measured concepts read a word, how well they rank it, and the tissue encoder; "" where they
    cannot."""
    if figures.measured is None:
        return ""
    text = strings.BY_MEASURED.format(tested=_tested(figures, figures.measured))
    if tissue_names_it:
        template = strings.TISSUE_BETTER if figures.tissue_is_better else strings.TISSUE_NO_BETTER
        text += template.format(auc=figures.tissue)
    weak = figures.measured < WEAK_BELOW and figures.patches >= FEWEST_PATCHES
    return text + (strings.WEAK if weak else "")


def by_tissue(figures: WordFigures, meaning: Meaning | None) -> str:
    """That the tissue encoder reads a word, how well it ranks it, and measured concepts; ``meaning`` of its
    values."""
    text = strings.BY_TISSUE.format(tested=_tested(figures, figures.tissue))
    other = strings.NOT_MEASURED if figures.measured is None else strings.BESIDE_MEASURED
    text += other.format(auc=figures.measured)
    if meaning is not None and meaning.recall < WEAK_RECALL:
        text += strings.MOSTLY_MISSED.format(recall=meaning.recall, threshold=meaning.threshold)
    elif figures.tissue < WEAK_BELOW:
        text += strings.WEAK
    return text


def _tested(figures: WordFigures, auc: float) -> str:
    if figures.patches < FEWEST_PATCHES:
        return strings.HARDLY_TESTED.format(patches=figures.patches)
    return strings.TESTED[figures.slides == 1].format(auc=auc, slides=figures.slides)
