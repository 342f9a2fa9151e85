"""Training of the tissue encoder: the network on augmented patches, then its calibration and its test on
slides whose cases it never saw.

On the CPU a seed gives the same weights bit for bit, on the same machine with the same torch and number of
threads, whether or not it was interrupted: the random numbers of a step depend on seed and step alone.
"""

from __future__ import annotations

import hashlib
import json
import math
from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from viewer import RESEARCH_USE, __version__
from viewer.common.atomic_write import save_atomically
from viewer.common.text import first_line
from viewer.relevance.encoders.tissue.card import FACTS, FAILURES, LOGITS, PAGE, VECTOR_WIDTH, WEIGHTS
from viewer.relevance.encoders.tissue.classes import tissue_classes
from viewer.relevance.encoders.tissue.network import TissueNetwork, normalised
from viewer.relevance.models.checkpoint import CheckpointError, read_tensors, unpickled
from viewer.relevance.models.efficientnet_lite import EARLY_BLOCKS, from_published
from viewer.relevance.training.cohort import TrainingError
from viewer.relevance.training.state import as_bytes, invalid_state
from viewer.relevance.training.tissue import strings
from viewer.relevance.training.tissue.augmentation import as_input, augmented
from viewer.relevance.training.tissue.calibration import calibrated
from viewer.relevance.training.tissue.evaluation import probabilities_of, tested
from viewer.relevance.training.tissue.failures import failures, sheet
from viewer.relevance.training.tissue.novelty import fit_novelty, novel_share
from viewer.relevance.training.tissue.page import as_markdown
from viewer.relevance.training.tissue.patches import cut_patches
from viewer.relevance.training.tissue.reliability import thresholds
from viewer.relevance.training.tissue.sampling import Sampler
from viewer.relevance.training.train import repeatable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from viewer.relevance.training.tissue.corpus import Corpus
    from viewer.relevance.training.tissue.patches import SlidePatches

STATE, PATCHES = "training.state", "patches"
FORMAT = 1
_WARM_UP = 100
_OUTPUTS_RATE = 6.0
"""Times the learning rate: the outputs start from nothing."""
_WEIGHT_DECAY, _SMOOTHING, _TUMOUR_WEIGHT, _CLIP = 0.02, 0.05, 2.0, 5.0
_AVERAGE = 0.998
SAVE_EVERY, MINE_EVERY = 50, 250
"""Steps between two states on disk, and between two searches for patches that are taken for tumour."""
_MINED, _HARDEST = 96, 16
_EVALUATED_AT_ONCE = 64
_LEAST_SPREAD = 1e-3
"""Of the first component's: of fewer patches than components the last ones are noise."""


@dataclass(frozen=True, slots=True)
class TissueTrainingOptions:
    """``start``: weights to begin from, published ones of EfficientNet-Lite0 or those of an earlier training;
    None: random ones.
    ``until``: the step at which a training planned for ``steps`` is finished early; None: none."""

    steps: int = 4000
    seed: int = 0
    learning_rate: float = 4e-4
    start: Path | None = None
    until: int | None = None

    @property
    def last_step(self) -> int:
        return min(self.steps, self.until or self.steps)


@dataclass(slots=True)
class _State:
    """What the next step of a training depends on; ``average``: of the weights, over the last steps."""

    fingerprint: str
    step: int
    weights: dict[str, Tensor]
    average: dict[str, Tensor]
    optimiser: dict[str, Any]
    hard: dict[int, list[int]]


def train_tissue(
    corpus: Corpus,
    options: TissueTrainingOptions,
    folder: Path,
    *,
    progress: Callable[[float, float], None] = lambda _done, _total: None,
    note: Callable[[str], None] = lambda _sentence: None,
) -> dict[str, Any]:
    """Cut the patches, train, calibrate, test, and write ``tissue.pt``, its card, pictures of its worst
    failures, and ``tissue.json`` (what is returned) into ``folder``. Resumes the same training there, also
    one that was finished early.

    ``note`` is given sentences on what was left out. Raises TrainingError, CheckpointError, SlideError,
    SaveError.
    """
    slides = _cut_all(corpus, options, folder / PATCHES, progress, note)
    by_part = {
        name: [one for one in slides if one.slide.part == name] for name in ("train", "calibration", "test")
    }
    sampler = Sampler(by_part["train"])
    if len(sampler.classes) < 2 or len(by_part["train"]) < 2:
        raise TrainingError(strings.TOO_FEW.format(path=folder))
    fingerprint = _fingerprint(slides, options)
    with repeatable("cpu"):
        network = _Training(sampler, by_part["train"], options, folder / STATE, fingerprint).run(progress)
        _fit_vectors(network, by_part["train"], options.seed)
        fit_novelty(network, by_part["train"], by_part["calibration"], options.seed)
    network.half().float()  # what is calibrated and tested is what is written
    logits = {one.slide.name: _logits(network, one.pixels) for one in slides if one.slide.part != "train"}
    calibration = calibrated(by_part["calibration"], logits)
    chosen = thresholds(by_part["calibration"], probabilities_of(by_part["calibration"], logits, calibration))
    wrong = failures(by_part["test"], probabilities_of(by_part["test"], logits, calibration))
    weights = as_bytes({name: _half(tensor) for name, tensor in network.state_dict().items()})
    facts = {
        "format": FORMAT,
        "software": f"Foveola {__version__}, torch {torch.__version__}",
        "note": RESEARCH_USE,
        "fingerprint": fingerprint,
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "classes": [one.id for one in tissue_classes()],
        "options": {**asdict(options), "start": options.start and options.start.name},
        "calibration": asdict(calibration),
        "thresholds": chosen,
        "slides": {
            name: [{"slide": one.slide.name, "case": one.slide.case} for one in part]
            for name, part in by_part.items()
        },
        "test": tested(by_part["test"], logits, calibration, chosen, seed=options.seed),
        "novel": {one.slide.name: novel_share(network, one, options.seed) for one in by_part["test"]},
        "failures": [one.as_facts() for one in wrong],
    }
    save_atomically(folder / WEIGHTS, weights)
    save_atomically(folder / PAGE, as_markdown(facts, pictured=True).encode())
    if wrong:
        save_atomically(folder / FAILURES, sheet(wrong))
    save_atomically(folder / FACTS, json.dumps(facts, indent=1).encode())
    if options.last_step == options.steps:
        (folder / STATE).unlink(missing_ok=True)
    return facts


def _cut_all(
    corpus: Corpus,
    options: TissueTrainingOptions,
    folder: Path,
    progress: Callable[[float, float], None],
    note: Callable[[str], None],
) -> list[SlidePatches]:
    found = []
    for number, slide in enumerate(corpus.slides):
        cut = cut_patches(slide, folder, seed=options.seed)
        for sentence in cut.notes if cut else (strings.NOTHING_LEFT.format(path=slide.regions_path),):
            note(sentence)
        if cut:
            found.append(cut)
        progress(number + 1, len(corpus.slides))
    return found


class _Training:
    """One run of steps over a state on disk."""

    def __init__(
        self,
        sampler: Sampler,
        slides: Sequence[SlidePatches],
        options: TissueTrainingOptions,
        file: Path,
        fingerprint: str,
    ) -> None:
        self._sampler = sampler
        self._slides = slides
        self._options = options
        self._file = file
        self._fingerprint = fingerprint
        torch.manual_seed(options.seed)
        self._network = TissueNetwork()
        if options.start is not None:
            _begin_from(self._network, options.start)
        self._network.to(memory_format=torch.channels_last)
        trunk = self._network.trunk
        # Training the start's first blocks, which find edges and colours, costs as much as all others.
        self._frozen = [trunk.stem, *trunk.blocks[:EARLY_BLOCKS]] if options.start is not None else []
        for module in self._frozen:
            module.requires_grad_(requires_grad=False)
        trained = [parameter for parameter in trunk.parameters() if parameter.requires_grad]
        rate = options.learning_rate
        self._rates = (rate / 2, rate / 2 * _OUTPUTS_RATE)
        self._optimiser = torch.optim.AdamW(
            [
                {"params": trained, "lr": self._rates[0]},
                {"params": list(self._network.outputs.parameters()), "lr": self._rates[1]},
            ],
            weight_decay=_WEIGHT_DECAY,
        )
        self._average = deepcopy(self._network).eval()
        self._step = 0

    def run(self, progress: Callable[[float, float], None]) -> TissueNetwork:
        """The network with the averaged weights after all steps."""
        self._resume()
        total = self._options.last_step
        while self._step < total:
            if self._step and self._step % MINE_EVERY == 0:
                self._mine()
            self._train_once()
            self._step += 1
            if self._step % SAVE_EVERY == 0 or self._step == total:
                self._save()
            progress(self._step, total)
        return self._average

    def _train_once(self) -> None:
        random = np.random.default_rng([self._options.seed, self._step, 1])
        torch.manual_seed(int(random.integers(1 << 62)))  # of dropout
        generator = torch.Generator().manual_seed(int(random.integers(1 << 62)))
        batch = self._sampler.batch(random)
        warm = min(1.0, (self._step + 1) / _WARM_UP)
        cosine = 0.5 + 0.5 * math.cos(math.pi * self._step / self._options.steps)
        for group, rate in zip(self._optimiser.param_groups, self._rates, strict=True):
            group["lr"] = rate * warm * cosine
        self._network.train()
        for module in self._frozen:
            module.eval()
        logits = self._network(normalised(augmented(batch.pixels, generator)))
        named, said = batch.classes >= 0, batch.tumour >= 0
        loss = functional.cross_entropy(logits[named, :-1], batch.classes[named], label_smoothing=_SMOOTHING)
        loss = loss + _TUMOUR_WEIGHT * functional.binary_cross_entropy_with_logits(
            logits[said, -1], batch.tumour[said]
        )
        if not bool(loss.isfinite()):
            raise TrainingError(strings.DIVERGED.format(path=self._file.parent, step=self._step))
        self._optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self._network.parameters(), _CLIP)
        self._optimiser.step()
        self._follow()

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average towards the weights; quickly at first."""
        kept = min(_AVERAGE, (1 + self._step) / (10 + self._step))
        for mean, value in zip(
            self._average.state_dict().values(), self._network.state_dict().values(), strict=True
        ):
            if mean.is_floating_point():
                mean.mul_(kept).add_(value, alpha=1 - kept)
            else:
                mean.copy_(value)

    def _mine(self) -> None:
        """Of each tumour-free slide, keep those of a sample of its patches that score highest for tumour."""
        for number in self._sampler.free:
            one = self._slides[number]
            random = np.random.default_rng([self._options.seed, self._step, 2, number])
            sample = np.sort(random.permutation(one.of_tissue)[:_MINED])
            tumour = _logits(self._average, one.pixels[sample])[:, -1]
            self._sampler.hard[number] = np.sort(sample[np.argsort(-tumour, kind="stable")[:_HARDEST]])

    def _save(self) -> None:
        state = {
            "fingerprint": self._fingerprint,
            "step": self._step,
            "weights": self._network.state_dict(),
            "average": self._average.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "hard": {number: hard.tolist() for number, hard in self._sampler.hard.items()},
        }
        save_atomically(self._file, as_bytes(state))

    def _resume(self) -> None:
        if not self._file.exists():
            return
        try:
            state = _State(**unpickled(self._file))
        except (CheckpointError, TypeError) as error:
            raise invalid_state(self._file) from error
        if state.fingerprint != self._fingerprint:
            raise TrainingError(strings.OTHER_TRAINING.format(path=self._file))
        try:
            _load(self._network, state.weights)
            _load(self._average, state.average)
            self._optimiser.load_state_dict(state.optimiser)
            self._sampler.hard = {int(one): np.array(hard, np.int64) for one, hard in state.hard.items()}
            self._step = int(state.step)
        except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise invalid_state(self._file) from error


def _load(network: TissueNetwork, tensors: Mapping[str, Tensor]) -> None:
    """Weights of this version or an earlier one: what is fitted after training may be missing."""
    network.load_state_dict({**dict(network.named_buffers(recurse=False)), **tensors})


def _begin_from(network: TissueNetwork, path: Path) -> None:
    """From published weights, or from those of an earlier training. Raises CheckpointError where the file
    cannot be read, TrainingError where it has other shapes."""
    try:
        tensors = read_tensors(path)
        if "outputs.weight" in tensors:
            _load(network, tensors)
        else:
            network.trunk.load_state_dict(from_published(tensors))
    except (KeyError, ValueError, RuntimeError) as error:
        raise TrainingError(strings.START_MISFIT.format(path=path, error=first_line(error))) from error


@torch.inference_mode()
def _logits(network: TissueNetwork, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Logits (n, classes + 1) of cuts (n, 160, 160, 3)."""
    network.eval()
    batches = (
        pixels[first : first + _EVALUATED_AT_ONCE] for first in range(0, len(pixels), _EVALUATED_AT_ONCE)
    )
    none = np.empty((0, LOGITS))
    return np.concatenate([none, *(network(as_input(batch)).double().numpy() for batch in batches)])


@torch.inference_mode()
def _fit_vectors(network: TissueNetwork, slides: Sequence[SlidePatches], seed: int) -> None:
    """The vector by which patches are compared: principal components of the features of all training slides,
    each of equal variance, so that what is common does not outweigh what tells apart."""
    network.eval()
    inside = []
    for one in slides:
        random = np.random.default_rng([seed, 3, *one.slide.name.encode()])
        sample = np.sort(random.permutation(len(one.labels))[:_MINED])
        inside.append(network.trunk(as_input(one.pixels[sample])))
    features = torch.cat(inside).double()
    centre = features.mean(dim=0)
    _, spread, directions = torch.linalg.svd(features - centre, full_matrices=False)
    used = int((spread[:VECTOR_WIDTH] > _LEAST_SPREAD * spread[0]).sum())
    network.centre.copy_(centre)
    network.projection[:, :used].copy_(directions[:used].T * (spread[0] / spread[:used]))


def _half(tensor: Tensor) -> Tensor:
    return tensor.half() if tensor.is_floating_point() else tensor


def _fingerprint(slides: Sequence[SlidePatches], options: TissueTrainingOptions) -> str:
    """Equal for trainings whose steps give the same weights, wherever they are finished."""
    planned = {name: value for name, value in asdict(options).items() if name != "until"}
    cut = [[asdict(one.slide), one.labels.tolist(), one.regions.tolist()] for one in slides]
    content = json.dumps([FORMAT, planned, [one.id for one in tissue_classes()], cut], default=str)
    return hashlib.sha256(content.encode()).hexdigest()
