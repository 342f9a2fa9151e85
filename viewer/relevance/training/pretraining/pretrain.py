"""Pretraining of HIPT on slides: its level of patches, then its level of regions over frozen features of
patches, into a folder that ``models.toml`` can name, with a record and a page."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from viewer import RESEARCH_USE, __version__
from viewer.common.atomic_write import save_atomically
from viewer.relevance.encoders.device_errors import device_errors
from viewer.relevance.models.checkpoint import sha256_of
from viewer.relevance.models.hipt import patch_level, read_weights
from viewer.relevance.training.cohort import TrainingError
from viewer.relevance.training.cutting import digest_of
from viewer.relevance.training.pretraining import strings
from viewer.relevance.training.pretraining.distillation import patch_network, region_network
from viewer.relevance.training.pretraining.neighbours import (
    labelled_patches,
    labelled_regions,
    named_right,
)
from viewer.relevance.training.pretraining.page import as_markdown
from viewer.relevance.training.pretraining.recipe import RECIPES
from viewer.relevance.training.pretraining.slides import (
    cut_slide_patches,
    encode_slide_regions,
    features_of,
    items_at,
    training_slides,
)
from viewer.relevance.training.pretraining.stage import LEAST_ITEMS, StageOptions, StageTraining
from viewer.relevance.training.state import as_bytes
from viewer.relevance.training.train import repeatable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.relevance.models.hipt import RegionTransformer
    from viewer.relevance.models.vit import VisionTransformer
    from viewer.relevance.training.pretraining.distillation import Backbone
    from viewer.relevance.training.pretraining.neighbours import Labelled, LabelledPatches
    from viewer.relevance.training.pretraining.recipe import ShapeName
    from viewer.relevance.training.pretraining.slides import (
        Cuts,
        Note,
        PixelSizeOf,
        Progress,
        TrainingSlide,
    )
    from viewer.relevance.training.pretraining.stage import StageName
    from viewer.relevance.training.tissue.corpus import Corpus
    from viewer.slide.locator import Locator

FORMAT = 1
RECORD, PAGE = "pretraining.json", "pretraining.md"
WEIGHTS: dict[StageName, str] = {"patches": "patches.pt", "regions": "regions.pt"}
STATES: dict[StageName, str] = {"patches": "patches.state", "regions": "regions.state"}
_CUTS = "cuts"


@dataclass(frozen=True, slots=True)
class PretrainingOptions:
    """``steps`` of each stage, None: those of the shape; ``learning_rate`` for a batch of 256."""

    shape: ShapeName = "small"
    stages: tuple[StageName, ...] = ("patches", "regions")
    steps: int | None = None
    seed: int = 0
    learning_rate: float = 5e-4
    device: str = "cpu"


def pretrain(
    places: Sequence[Path | Locator],
    options: PretrainingOptions,
    folder: Path,
    *,
    pixel_size_of: PixelSizeOf,
    corpus: Corpus | None = None,
    progress: Progress = lambda _done, _total: None,
    note: Note = lambda _sentence: None,
    report: Note = lambda _sentence: None,
) -> dict[str, Any]:
    """Train the stages on the slides and write weights, record (which is returned) and page into ``folder``.
    Goes on with the same pretraining there; what is finished is not done again.

    ``corpus``: labelled regions, whose names nearest neighbours are asked for. ``note`` is given sentences on
    what is left out, ``report`` on how it goes. Raises TrainingError, SaveError, SlideError, EncoderError.
    """
    run = _Pretraining(options, folder, progress, note, report)
    slides = training_slides(places, pixel_size_of, note)
    if corpus is not None:
        run.labelled = labelled_patches(corpus, folder / _CUTS / "labelled", seed=options.seed, note=note)
    with device_errors(strings.TITLE, options.device):
        for stage in options.stages:
            run.train(stage, slides)
    return run.record


@dataclass(slots=True)
class _Question:
    """What nearest neighbours are asked of a stage: the features of ``labelled``, of a network."""

    labelled: Labelled
    features: Callable[[Any], NDArray[np.float32]]

    def of(self, network: Backbone) -> float:
        return named_right(self.features(network), self.labelled)


class _Pretraining:
    """A folder with what is trained in it so far."""

    def __init__(
        self, options: PretrainingOptions, folder: Path, progress: Progress, note: Note, report: Note
    ) -> None:
        self._options = options
        self._folder = folder
        self._progress = progress
        self._note = note
        self._report = report
        self.labelled: LabelledPatches | None = None
        self.record = _record_in(folder)

    def train(self, stage: StageName, slides: Sequence[TrainingSlide]) -> None:
        """Train a stage, or find it done, and write what there is."""
        options, recipe = self._options, getattr(RECIPES[self._options.shape], stage)
        patches, weights = self._patch_level() if stage == "regions" else (None, "")
        cuts = self._cuts(stage, slides, recipe.per_slide, patches, weights)
        count = sum(len(one.items) for one in cuts)
        if count < LEAST_ITEMS:
            raise TrainingError(strings.TOO_FEW[stage].format(count=count, least=LEAST_ITEMS))
        steps = options.steps or recipe.steps
        seen = [[one.slide.identity, one.slide.mpp_um, one.centres.tolist()] for one in cuts]
        training = StageOptions(
            stage, recipe, steps, options.seed, options.learning_rate, options.device, fingerprint=""
        )
        training = replace(training, fingerprint=digest_of([FORMAT, asdict(training), weights, seen]))
        file = self._folder / WEIGHTS[stage]
        if self._done(stage, training.fingerprint):
            return
        question = self._question(stage, cuts)
        measured = None
        if question is not None:
            measured = named_right(question.labelled.measured, question.labelled)
            self._report(strings.MEASURED_NAMED.format(stage=stage, share=measured))

        def make() -> Backbone:
            if patches is None:
                return patch_network(recipe)
            return region_network(recipe, patches.pos_embed.shape[-1])

        state = self._folder / STATES[stage]
        with repeatable(options.device):
            network, reports = StageTraining(training, cuts, make, state).run(
                lambda backbone: None if question is None else question.of(backbone),
                self._progress,
                self._report,
            )
        content = as_bytes({name: tensor.clone() for name, tensor in network.state_dict().items()})
        save_atomically(file, content)
        self.record["stages"][stage] = {
            "fingerprint": training.fingerprint,
            "weights_sha256": hashlib.sha256(content).hexdigest(),
            "options": {
                **{key: value for key, value in asdict(options).items() if key != "stages"},
                "steps": steps,
                "batch": min(recipe.batch, count),
            },
            "recipe": asdict(recipe),
            "slides": [
                {
                    "name": one.slide.name,
                    "identity": one.slide.identity,
                    "mpp_um": one.slide.mpp_um,
                    "items": len(one.items),
                }
                for one in cuts
            ],
            "reports": [asdict(one) for one in reports],
            "neighbours": question and self._asked(question.labelled, measured, cuts),
        }
        save_atomically(self._folder / PAGE, as_markdown(self.record, self._folder).encode())
        save_atomically(self._folder / RECORD, json.dumps(self.record, indent=1).encode())
        state.unlink(missing_ok=True)

    def _patch_level(self) -> tuple[VisionTransformer, str]:
        """The level of patches in the folder, on the device in use, and the digest of its weights."""
        file = self._folder / WEIGHTS["patches"]
        if not file.is_file():
            raise TrainingError(strings.NO_PATCH_LEVEL.format(path=file))
        return patch_level(file, read_weights(file)).to(self._options.device), sha256_of(file)

    def _cuts(
        self,
        stage: StageName,
        slides: Sequence[TrainingSlide],
        most: int,
        patches: VisionTransformer | None,
        weights: str,
    ) -> list[Cuts]:
        folder, seed = self._folder / _CUTS / stage, self._options.seed
        found = []
        for number, slide in enumerate(slides):
            if patches is None:
                cuts = cut_slide_patches(slide, folder, most=most, seed=seed, note=self._note)
            else:
                cuts = encode_slide_regions(
                    slide,
                    folder,
                    patches,
                    weights=weights,
                    device=self._options.device,
                    most=most,
                    seed=seed,
                    note=self._note,
                )
            if cuts is not None:
                found.append(cuts)
            self._progress(number + 1, len(slides))
        return found

    def _done(self, stage: StageName, fingerprint: str) -> bool:
        """Whether the stage is trained. Raises TrainingError where the folder holds another one's."""
        file, facts = self._folder / WEIGHTS[stage], self.record["stages"].get(stage)
        if facts is None and not file.exists():
            return False
        if facts is None and (self._folder / STATES[stage]).exists():
            return False  # its end was interrupted between weights and record
        if facts is None or facts["fingerprint"] != fingerprint:
            raise TrainingError(strings.OTHER_RUN.format(path=file))
        done = file.exists() and sha256_of(file) == facts["weights_sha256"]
        if done:
            (self._folder / STATES[stage]).unlink(missing_ok=True)
        return done

    def _question(self, stage: StageName, cuts: Sequence[Cuts]) -> _Question | None:
        device, patches = self._options.device, self.labelled
        if patches is None:
            return None
        question = None
        if stage == "patches":
            pixels = patches.pixels

            def of_patches(network: VisionTransformer) -> NDArray[np.float32]:
                return np.concatenate([features_of(network, one, device) for one in pixels])

            question = _Question(patches.labelled, of_patches)
        elif (found := labelled_regions(patches, cuts)) is not None:
            labelled, numbers = found
            grids = items_at(cuts, numbers)
            question = _Question(labelled, lambda network: _region_features(network, grids, device))
        if question is None or not question.labelled.asked().any():
            self._note(strings.NOTHING_LABELLED[stage])
            return None
        return question

    def _asked(self, labelled: Labelled, measured: float | None, cuts: Sequence[Cuts]) -> dict[str, Any]:
        assert self.labelled is not None
        asked = labelled.asked()
        own = {one.slide.identity for one in cuts}
        return {
            "asked": int(asked.sum()),
            "classes": len(np.unique(labelled.classes[asked])),
            "cases": len(np.unique(labelled.cases[asked])),
            "measured": measured,
            "slides": len(self.labelled.drawn),
            "slides_trained_on": sum(identity in own for identity in self.labelled.drawn),
        }


@torch.inference_mode()
def _region_features(
    network: RegionTransformer, grids: NDArray[np.float32], device: str
) -> NDArray[np.float32]:
    parts = torch.from_numpy(grids).split(64)
    found: NDArray[np.float32] = torch.cat([network.attend(one.to(device))[0].cpu() for one in parts]).numpy()
    return found


def _record_in(folder: Path) -> dict[str, Any]:
    """The record of the folder, or an empty one."""
    path = folder / RECORD
    if not path.exists():
        return {
            "format": FORMAT,
            "software": f"Foveola {__version__}, torch {torch.__version__}",
            "note": RESEARCH_USE,
            "stages": {},
        }
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        for facts in record["stages"].values():
            if not (isinstance(facts["fingerprint"], str) and isinstance(facts["weights_sha256"], str)):
                raise ValueError("no fingerprint")
        if record["format"] != FORMAT:
            raise ValueError("format")
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise TrainingError(strings.RECORD_DAMAGED.format(path=path, error=error)) from error
    return dict(record)
