"""Layers that the reader kept over a slide: one HDF5 file each, in a folder named by the slide's content.

A file holds the field or the outlines themselves, so it needs neither the analysis nor the file that they
came from. It is read as any file of a stranger: the state folder may be shared, or damaged.
"""

from __future__ import annotations

import io
import json
import secrets
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.common.atomic_write import SaveError, save_atomically
from viewer.common.log import logger
from viewer.common.paths import state_dir
from viewer.overlay import strings
from viewer.overlay.kept_outlines import MAX_LABELS_BYTES, KeptOutlines, outlines_from
from viewer.overlay.layer import OverlayLook
from viewer.relevance.features.safe_hdf5 import FeatureFileError, checked_dataset, opened_hdf5
from viewer.relevance.patches.field import AS_SCORED, UNIT, Provenance, RelevanceField
from viewer.relevance.patches.grid import MAX_PATCHES, PatchGrid

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

log = logger("ui")

LIMIT_BYTES = 512_000_000
"""Of all kept layers of all slides. One of an ordinary slide takes some 50 kB."""
MOST_BYTES = 128_000_000
"""Of one layer: a larger one would leave no room for the others."""
VERSION = 1
_MAX_FACTS_BYTES = 1 << 20
_KNOWN, _ESTIMATED, _GLASS = 1, 2, 3
"""In ``coverage``, where 0 is a patch that was not analysed."""


@dataclass(frozen=True, slots=True)
class KeptLayer:
    """A field, its title, and how it is drawn. ``imported``: made by another program, which also gave the
    title. ``state``: how much was analysed; "" where that is not known or does not apply. ``meaning``: of its
    values, in a sentence. ``threshold``: of the present query, below which values are weak.
    """

    field: RelevanceField
    title: str
    look: OverlayLook
    imported: bool = False
    state: str = ""
    meaning: str = ""
    threshold: float | None = None

    @property
    def drawn(self) -> OverlayLook:
        """How it is drawn: without weak values."""
        return self.look.above(self.threshold)

    def has_same_content(self, other: KeptLayer) -> bool:
        """Whether the other is the same map of another program, drawn in whichever way."""
        mine, theirs = self.field, other.field
        return (
            self.imported
            and other.imported
            and (self.title, mine.grid) == (other.title, theirs.grid)
            and mine.provenance.source_values == theirs.provenance.source_values
            and np.array_equal(mine.scores, theirs.scores)
            and np.array_equal(mine.known, theirs.known)
        )


def layers_folder(slide: str) -> Path:
    """The folder of a slide's layers, by its identity. May not exist yet."""
    return state_dir() / "layers" / slide


def new_file_name() -> str:
    """A name that no other layer has; later ones come later in the alphabet."""
    return f"{time.time_ns():020d}-{secrets.token_hex(4)}.h5"


Kept = KeptLayer | KeptOutlines


def write_layer(
    layer: Kept, path: Path, *, limit_bytes: int = LIMIT_BYTES, most_bytes: int = MOST_BYTES
) -> None:
    """Write a layer, then remove the oldest of all slides beyond the limit. Raises SaveError, also for one
    of more than ``most_bytes``."""
    import h5py

    outlined = isinstance(layer, KeptOutlines)
    facts = layer.facts() if isinstance(layer, KeptOutlines) else _field_facts(layer)
    arrays = layer.arrays() if isinstance(layer, KeptOutlines) else _field_arrays(layer)
    facts = {"version": VERSION, "kind": "outlines" if outlined else "field", **facts}
    if arrays.get("labels", np.empty(0)).size > MAX_LABELS_BYTES:
        raise SaveError(path, strings.LAYER_TOO_LARGE)
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        packed: dict[str, Any] = {"compression": "gzip", "shuffle": True, "fletcher32": True}
        for name, array in arrays.items():
            file.create_dataset(name, data=array, **packed)
        file.create_dataset("facts", data=np.frombuffer(json.dumps(facts).encode(), np.uint8))
    if data.getbuffer().nbytes > most_bytes:
        raise SaveError(path, strings.LAYER_TOO_LARGE)
    save_atomically(path, data.getvalue())
    _trim(path.parent.parent, limit_bytes, spared=path)


def _field_facts(layer: KeptLayer) -> dict[str, Any]:
    field = layer.field
    return {
        "title": layer.title,
        "imported": layer.imported,
        "state": layer.state,
        "meaning": layer.meaning,
        "patch_px": (field.grid.patch_width_px, field.grid.patch_height_px),
        "provenance": field.provenance.as_facts(),
        "look": {name: value for name, value in asdict(layer.look).items() if name != "hierarchy"},
    }


def _field_arrays(layer: KeptLayer) -> dict[str, NDArray[Any]]:
    field = layer.field
    coverage = field.known * np.uint8(_KNOWN) + field.estimated * np.uint8(_ESTIMATED)
    if field.glass is not None:
        coverage[field.glass & field.known] = _GLASS
    return {"scores": field.scores, "coverage": coverage}


def read_layer(path: Path) -> Kept:
    """Raises FeatureFileError for a file that is damaged, or no kept layer."""
    with opened_hdf5(path) as file:
        text = checked_dataset(path, file, "facts", ndim=(1,), kinds="u")
        if text.shape[0] > _MAX_FACTS_BYTES or text.dtype != np.uint8:
            raise FeatureFileError(path, strings.NOT_A_KEPT_LAYER)
        try:
            facts = json.loads(text[()].tobytes())
            if facts["version"] != VERSION:
                raise ValueError(f"version {facts['version']!r} is not {VERSION}")
            if facts.get("kind") == "outlines":
                names = _text(facts["file_name"]), _text(facts["producer"])
                return KeptOutlines(outlines_from(path, file), *names, facts["visible"] is True)
            return _field_layer(path, file, facts)
        except (ValueError, TypeError, LookupError, OverflowError, AttributeError, RecursionError) as error:
            log.warning("%s is damaged: %s", path, error)
            raise FeatureFileError(path, strings.NOT_A_KEPT_LAYER) from error


def _field_layer(path: Path, file: Any, facts: dict[str, Any]) -> KeptLayer:
    scores = checked_dataset(path, file, "scores", ndim=(2,), kinds="f")
    coverage = checked_dataset(path, file, "coverage", ndim=(2,), kinds="u")
    rows, columns = scores.shape
    if not 0 < rows * columns <= MAX_PATCHES or coverage.shape != scores.shape:
        raise FeatureFileError(path, strings.NOT_A_KEPT_LAYER)
    values, states = scores[()].astype(np.float32), coverage[()]
    imported = facts["imported"] is True
    grid = PatchGrid(columns, rows, *(float(side) for side in facts["patch_px"]))
    field = RelevanceField(
        grid,
        values,
        (states == _KNOWN) | (states == _GLASS),
        states == _ESTIMATED,
        _provenance(facts["provenance"]),
        None if imported else states == _GLASS,
    )
    return KeptLayer(
        field,
        _text(facts["title"]),
        _look(facts["look"]),
        imported,
        _text(facts["state"]),
        _text(facts.get("meaning", "")),
    )


def read_layers(slide: str) -> tuple[list[tuple[str, Kept]], list[str]]:
    """The layers of a slide with their file names, oldest first, and a message for each damaged file, which
    is set aside under another name. Raises OSError where the folder cannot be read.
    """
    folder = layers_folder(slide)
    layers: list[tuple[str, Kept]] = []
    problems: list[str] = []
    for path in sorted(folder.glob("*.h5")) if folder.is_dir() else []:
        try:
            layers.append((path.name, read_layer(path)))
        except FeatureFileError as error:
            problems.append(strings.KEPT_LAYER_DAMAGED.format(path=path, reason=error.reason))
            with suppress(OSError):  # then it is named again the next time
                path.rename(path.with_suffix(".unreadable"))
    return layers, problems


def remove_layer(path: Path) -> None:
    """Remove a layer's file, where there is one, and its folder if that is empty. Raises OSError."""
    path.unlink(missing_ok=True)
    with suppress(OSError):  # there are others, or it is gone
        path.parent.rmdir()


def _trim(folder: Path, limit_bytes: int, *, spared: Path) -> None:
    """Remove the oldest files of all slides until all together are within the limit."""
    sizes: dict[Path, int] = {}
    for path in folder.glob("*/*"):
        with suppress(OSError):
            sizes[path] = path.stat().st_size
    total_bytes = sum(sizes.values())
    for path in sorted(sizes, key=lambda path: path.name):
        if total_bytes <= limit_bytes:
            break
        if path == spared:
            continue
        try:
            remove_layer(path)
        except OSError as error:
            log.warning("%s: an old layer cannot be removed: %s", path, error)
        else:
            log.info("%s: removed, the kept layers were larger than %d bytes", path, limit_bytes)
            total_bytes -= sizes[path]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _provenance(plain: dict[str, Any]) -> Provenance:
    x_um, y_um = (float(side) for side in plain["mpp_um"])
    if not isinstance(plain["mpp_estimated"], bool) or not (x_um > 0 and y_um > 0):
        raise ValueError("its pixel size is none")
    texts = {
        one.name: _text(plain[one.name])
        for one in fields(Provenance)
        if one.name not in ("mpp_um", "mpp_estimated", "source_values", "unit")
    }
    source_values = np.array(plain.get("source_values", AS_SCORED), np.float64)
    finite = source_values.ndim == 1 and bool(np.isfinite(source_values).all())
    if not (finite and len(source_values) >= 2 and bool((np.diff(source_values) >= 0).all())):
        raise ValueError("its own values are none")
    return Provenance(
        mpp_um=(x_um, y_um),
        mpp_estimated=plain["mpp_estimated"],
        source_values=tuple(source_values.tolist()),
        unit=_text(plain.get("unit", UNIT)),
        **texts,
    )


def _look(plain: dict[str, Any]) -> OverlayLook:
    """Values that this version does not know are left out: a later one may have written the file."""
    known = {one.name for one in fields(OverlayLook)} - {"hierarchy"}
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in plain.items()
        if name in known
    }
    return OverlayLook(**values)
