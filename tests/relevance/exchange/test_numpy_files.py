"""Maps in numpy files: grids and lists of places; nothing is unpickled, no claim is believed."""

from __future__ import annotations

import os
import re
import zipfile
from io import BytesIO
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.messages import pattern
from viewer.relevance.exchange import strings
from viewer.relevance.exchange.read_map import read_map
from viewer.relevance.features.safe_hdf5 import FeatureFileError
from viewer.relevance.features.strings import NOT_REGULAR
from viewer.relevance.patches.grid import PatchGrid
from viewer.slide.strings import NO_SUCH_FILE

if TYPE_CHECKING:
    from pathlib import Path

EXTENT = (4000, 2000)
GRID = PatchGrid.over(*EXTENT, (0.5, 0.5))  # 16 × 8 patches of 256 px, the last ones cut
CORNERS = np.array([[0, 0], [256, 0], [256, 512]])


def laid(path: Path, **options: Any) -> Any:
    return read_map(path, EXTENT, GRID, mpp_estimated=False, **options)


def refused(path: Path, **options: Any) -> str:
    with pytest.raises(FeatureFileError) as raised:
        laid(path, **options)
    assert str(path) in str(raised.value)
    return raised.value.reason


@pytest.mark.parametrize("kind", ["f8", "f2", ">f4", "F"])
def test_a_grid_of_the_shared_patches_is_taken_as_it_is(tmp_path: Path, kind: str) -> None:
    path, values = tmp_path / "a.npy", np.linspace(0, 1, 128).reshape(8, 16)
    values[2, 3] = np.nan
    np.save(path, np.asfortranarray(values) if kind == "F" else values.astype(kind))
    made = laid(path)
    assert made.field.known.sum() == 127
    assert not made.field.known[2, 3]
    np.testing.assert_allclose(made.field.scores, np.nan_to_num(values), atol=1e-3)
    assert "stretched" in made.notes[2]


def test_a_grid_that_does_not_fit_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((62, 125)))
    assert laid(path).field.known.all()
    free = SimpleNamespace(available=1 << 20)
    monkeypatch.setattr("viewer.relevance.exchange.raster.psutil.virtual_memory", lambda: free)
    assert re.search(pattern(strings.MAP_EXCEEDS_MEMORY, columns=125, rows=62), refused(path))


def test_finer_and_coarser_grids_are_stretched(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    fine = np.zeros((2000, 4000), np.float32)
    fine[:, 2048:] = 1
    np.save(path, fine)
    made = laid(path).field
    assert made.known.all()
    assert (made.scores[:, :8] == 0).all()
    assert (made.scores[:, 8:] == 1).all()
    np.save(path, np.array([[False, True]]))
    assert laid(path).field.scores[0].tolist()[::15] == [0, 1]
    np.save(path, np.zeros((40, 40)))
    assert re.search(pattern(strings.OF_OTHER_SHAPE), refused(path))


def test_what_is_half_unknown_in_fine_pixels_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    fine = np.full((2000, 4000), np.nan, np.float32)
    fine[:256, :256] = 0.5
    fine[:256, 256:300] = 0.9
    np.save(path, fine)
    made = laid(path).field
    assert made.known.sum() == 1
    assert made.scores[0, 0] == 0.5


def test_places_with_scores(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, coords=CORNERS, p=[-2.0, 0.0, 2.0], patch_size=256)
    made = laid(path)
    assert made.field.scores[[0, 0, 2], [0, 1, 1]].tolist() == [0, 0.5, 1]
    assert made.field.known.sum() == 3
    assert "0 is -2 and 1 is 2" in made.field.provenance.normalisation
    assert made.field.provenance.query == "p"
    np.savez(path, coords=CORNERS, p=[0.1, 0.2, 0.3], q=[0.4, 0.5, 0.6])
    assert re.search(pattern(strings.SEVERAL_COLUMNS, names="'p', 'q'"), refused(path))
    assert re.search(pattern(strings.PATCH_SIZE_FROM_DISTANCE, side=256), laid(path, column="q").notes[2])
    assert laid(path, column="q", patch_px=512).field.known.sum() > 3


def test_files_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, coords=CORNERS + 8000, p=np.ones(3))
    assert "another slide" in refused(path)
    np.savez(path, coords=CORNERS, p=np.ones(2), patch_size=256)
    assert re.search(pattern(strings.SCORES_PER_PLACE, scores=2, places=3), refused(path))
    np.savez(path, coords=CORNERS, p=np.ones(3), patch_size=-1)
    assert "make no sense" in refused(path)
    np.savez(path, coords=CORNERS.reshape(-1), p=np.ones(3))
    assert re.search(pattern(strings.WRONG_PLACES), refused(path))
    np.savez(path, p=np.ones(3))
    assert re.search(pattern(strings.NOT_A_GRID), refused(path))
    np.savez(path, **{f"p{at}": np.ones(1) for at in range(300)})
    assert re.search(pattern(strings.TOO_MANY_ARRAYS, count=300), refused(path))
    np.savez(path, coords=CORNERS)
    assert "holds no scores" in refused(path)


class Harmful:
    """Would make a folder if it were unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    for path, save in ((tmp_path / "a.npy", np.save), (tmp_path / "a.npz", np.savez)):
        save(path, np.array([[Harmful(tmp_path / "made")]], dtype=object))
        assert re.search(pattern(strings.ARRAY_NOT_NUMBERS), refused(path))
    assert not (tmp_path / "made").exists()


def with_header(shape: tuple[int, ...]) -> bytes:
    stream = BytesIO()
    header = np.lib.format.header_data_from_array_1_0(np.zeros((1, 2))) | {"shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (with_header((1 << 40, 2)), "too much"),
        (with_header((-1, 2)), "too much"),
        (with_header((800, 1600)), "holds fewer"),
        (b"\x93NUMPY\x01\x00\x08\x00" + b"(" * 8, "no numpy array"),
        (b"", "no numpy array"),
        (b"nothing", "no numpy array"),
    ],
)
def test_claims_are_checked_before_anything_is_read(tmp_path: Path, data: bytes, words: str) -> None:
    plain, packed = tmp_path / "a.npy", tmp_path / "a.npz"
    plain.write_bytes(data)
    assert words in refused(plain)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("p.npy", data)
    assert words in refused(packed)


def test_what_is_no_file_of_numpy_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    assert "no such file" in refused(path)
    path.write_bytes(b"nothing")
    assert re.search(pattern(strings.NOT_NUMPY), refused(path))
    assert re.search(pattern(strings.UNKNOWN_KIND), refused(path.rename(tmp_path / "a.png")))


def test_places_without_a_number_are_counted(tmp_path: Path) -> None:
    path, values = tmp_path / "a.npy", np.linspace(0, 1, 128).reshape(8, 16)
    np.save(path, values)
    assert not [note for note in laid(path).notes if "no number" in note]
    values[2, 3:5] = np.nan, np.inf
    np.save(path, values)
    assert laid(path).notes[3].endswith("2 of 128.")
    np.savez(tmp_path / "a.npz", p=[0.1, np.nan, np.inf], coords=CORNERS, patch_size=256)
    assert laid(tmp_path / "a.npz").notes[2].endswith("2 of 3.")


@pytest.mark.parametrize("ending", ["h5", "tif", "geojson", "db", "npy", "npz"])
def test_pipes_and_folders_are_not_waited_for(tmp_path: Path, ending: str) -> None:
    pipe, folder = tmp_path / f"a.{ending}", tmp_path / f"b.{ending}"
    os.mkfifo(pipe)
    folder.mkdir()
    assert refused(pipe) == refused(folder) == NOT_REGULAR
    assert refused(tmp_path / f"c.{ending}") == NO_SUCH_FILE
    blocked = tmp_path / "d" / f"a.{ending}"
    (tmp_path / "d").write_bytes(b"")
    assert "cannot be read" in refused(blocked)
