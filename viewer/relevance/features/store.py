"""FeatureStore: the features of one slide's patches by one encoder, in memory and on disk.

While an analysis runs they are appended to a journal; when it is complete they become one HDF5 file. A kill
at any moment loses at most the block being written; a full disk loses nothing while the process lives.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.common.atomic_write import SaveError, save_atomically, save_failure
from viewer.relevance.features import strings
from viewer.relevance.features.cache_folder import StoreLock, features_dir, trim
from viewer.relevance.features.hdf5_file import (
    MAX_CALIBRATION_BYTES,
    MAX_FEATURES,
    StoredFeatures,
    as_hdf5,
    json_object,
    read_stored,
)
from viewer.relevance.features.journal import Journal, Record, read_journal
from viewer.relevance.features.safe_hdf5 import FeatureFileError
from viewer.relevance.features.table import FeatureTable
from viewer.relevance.patches.parts import PARTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.relevance.features.store_key import StoreSubject

log = logging.getLogger("foveola.features")

_MAX_RECORD_VALUES = 8 << 20
_FACTS, _CALIBRATION, _ROWS, _PARTS = b"FACT", b"CALB", b"ROWS", b"PART"
_KINDS = frozenset({_FACTS, _CALIBRATION, _ROWS, _PARTS})


class FeatureStore:
    """Features in memory, written through to disk as far as the disk allows. Belongs to one thread.

    ``notes`` are sentences for the user: why stored features are not used, or why nothing is stored.
    ``calibration`` is the encoder's calibration to the slide; None until ``set_calibration``. ``complete``:
    everything that was to be analysed is known. ``parts`` of some patches, each patch's features in one row,
    are kept beside the features of the patches (``append_parts``).
    """

    def __init__(self, subject: StoreSubject, folder: Path, lock: StoreLock | None) -> None:
        """For ``open``: a store without what is on disk of it; without a lock it stays in memory."""
        self.subject = subject
        self.grid = subject.grid
        self.notes: tuple[str, ...] = ()
        self.calibration: Mapping[str, Any] | None = None
        self.complete = False
        self.file = folder / f"{subject.key}.h5"
        self._journal_path = self.file.with_suffix(".journal")
        self._lock = lock
        self._journal: Journal | None = None
        self._journal_end = 0
        self._table = FeatureTable(self.grid)
        self.parts = FeatureTable(self.grid)
        self._saved_count = self._saved_parts = 0  # rows of the tables that are on disk
        self._calibration_saved = False
        self._failing = False

    @staticmethod
    def open(subject: StoreSubject, *, limit_bytes: int, folder: Path | None = None) -> FeatureStore:
        """The store of a subject with all that is on disk of it; where no other process has it, for writing.

        ``folder`` None: the usual one. It is kept below ``limit_bytes`` by removing the stores that were used
        longest ago. What does not fit the subject is not used, and ``notes`` state the reason. Raises
        ValueError where the pixel size of the subject cannot be right.
        """
        folder = features_dir() if folder is None else folder
        lock, note = _lock_for(folder, subject)
        store = FeatureStore(subject, folder, lock)
        if note:
            store.notes += (note,)
        store._read()
        if lock is not None:
            trim(folder, limit_bytes)
        return store

    @staticmethod
    def in_memory(
        subject: StoreSubject, cells: NDArray[np.integer[Any]], features: NDArray[np.float32]
    ) -> FeatureStore:
        """A complete store of features that come from elsewhere. It never touches the disk."""
        store = FeatureStore(subject, features_dir(), None)
        store._table.add(cells, features)
        store.calibration, store.complete = {}, True
        return store

    @property
    def count(self) -> int:
        """How many patches are known."""
        return self._table.count

    def known(self) -> NDArray[np.bool_]:
        """Which patches have features: (rows, columns)."""
        return self._table.known()

    def index_of(self, row: int, col: int) -> int | None:
        """The place of a patch in what ``load`` gives; None where it is not known."""
        return self._table.index_of(row, col)

    def load(self) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Cells (n, 2) as row, column, and features (n, feature count), in the order they came: read-only
        views, made at no cost, that stay as they are when more come.
        """
        return self._table.rows()

    def set_calibration(self, calibration: Mapping[str, Any]) -> None:
        """Keep the encoder's calibration to the slide, for JSON. Raises SaveError as ``append`` does."""
        self.calibration = calibration
        self._calibration_saved = False
        self._write_through()

    def append(self, cells: NDArray[np.integer[Any]], features: NDArray[np.float32]) -> None:
        """Add patches: cells (n, 2) as row, column, and their features (n, feature count).

        A patch that is known stays as it is. NaN marks a feature that could not be measured.

        Raises SaveError where the disk does not take them, once until it takes some again: they are in memory
        all the same, and go to disk with the next ones that do.
        """
        self._table.add(cells, features)
        self._write_through()

    def append_parts(self, cells: NDArray[np.integer[Any]], parts: NDArray[np.float32]) -> None:
        """Add the features of all parts of patches, (n, PARTS · part_features of the card), as ``append``
        does."""
        self.parts.add(cells, parts)
        self._write_through()

    def finish(
        self, *, failed: int = 0, scores: Callable[[], Mapping[str, NDArray[np.float32]]] = dict
    ) -> None:
        """Turn what there is into one HDF5 file. ``failed``: patches that could not be read; with any, the
        store is not complete, and the next analysis tries them again. ``scores`` gives what is kept beside
        the features by name, (n,) in their order. Raises SaveError.
        """
        complete = failed == 0
        on_disk = self._all_saved and not self._journal_path.exists()
        if self._lock is None or (on_disk and self.complete == complete and self.file.exists()):
            self.complete = complete
            return
        stored = StoredFeatures(*self.load(), self.calibration, complete, scores(), *self.parts.rows())
        save_atomically(self.file, as_hdf5(self.subject, stored))
        self.complete = complete
        self._saved_count, self._saved_parts = self.count, self.parts.count
        self._calibration_saved, self._failing = True, False
        self._close_journal()
        self._journal_end = 0
        try:
            self._journal_path.unlink(missing_ok=True)
        except OSError as error:
            raise SaveError(self._journal_path, save_failure(self._journal_path, error)) from error

    def close(self) -> None:
        """Write what is not on disk yet, and release the lock. Closing twice is allowed.

        Raises SaveError where features do not reach the disk.
        """
        lock, self._lock = self._lock, None
        if lock is None:
            return
        try:
            self._failing = False
            try:
                self._write_missing()
            finally:
                self._close_journal()
        finally:
            lock.release()

    def __enter__(self) -> FeatureStore:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _close_journal(self) -> None:
        journal, self._journal = self._journal, None
        if journal is not None:
            self._journal_end = journal.end
            journal.close()

    def _write_through(self) -> None:
        """Write what is not on disk yet; SaveError at the first of a row of failures."""
        if self._lock is None:
            return
        try:
            self._write_missing()
        except SaveError:
            if not self._failing:
                self._failing = True
                raise
        else:
            self._failing = False

    def _write_missing(self) -> None:
        unsaved_calibration = self.calibration is not None and not self._calibration_saved
        if self._all_saved and not unsaved_calibration:
            return
        if self._journal is None:
            journal = Journal(self._journal_path, self._journal_end)
            if self._journal_end == 0:
                try:
                    journal.append([Record(_FACTS, json.dumps(self.subject.facts()).encode())])
                except SaveError:
                    with suppress(SaveError):  # the first failure is reported
                        journal.close()
                    raise
            self._journal = journal
        if self.calibration is not None and unsaved_calibration:
            self._journal.append([Record(_CALIBRATION, json.dumps(self.calibration).encode())])
            self._calibration_saved = True
        for stop in _steps(self._table, self._saved_count):
            self._journal.append([_rows_record(_ROWS, *self._table.rows(self._saved_count, stop))])
            self._saved_count = stop
        for stop in _steps(self.parts, self._saved_parts):
            self._journal.append([_rows_record(_PARTS, *self.parts.rows(self._saved_parts, stop))])
            self._saved_parts = stop

    @property
    def _all_saved(self) -> bool:
        return (self._saved_count, self._saved_parts) == (self.count, self.parts.count)

    def _read(self) -> None:
        """All that is on disk of the subject. File and journal are judged each for itself: one that does not
        fit is left out, with a note, and costs nothing of the other.
        """
        refused = self._refused(self.file, self._read_file)
        self._refused(self._journal_path, lambda: self._read_journal(alone=refused))
        self._saved_count, self._saved_parts = self.count, self.parts.count
        self._calibration_saved = self.calibration is not None

    def _refused(self, path: Path, read: Callable[[], None]) -> bool:
        """Whether a file could not be used. ``read`` takes over all of it, or nothing and raises."""
        try:
            read()
        except FeatureFileError as error:
            reason = error
        except OSError as error:
            reason = FeatureFileError(path, strings.UNREADABLE.format(reason=error.strerror))
        except ValueError as error:
            reason = FeatureFileError(path, strings.DAMAGED.format(error=error))
        else:
            return False
        log.warning("%s", reason)
        note = strings.SOME_NOT_USED if self.count else strings.NOT_USED
        self.notes += (note.format(reason=reason),)
        self.complete = False  # some of the journal may be missing
        return True

    def _read_file(self) -> None:
        if self.file.exists():
            stored = read_stored(self.file, self.subject)
            self._check_width(self.file, stored.features, stored.parts)
            self._table.add(stored.cells, stored.features)
            if len(stored.parts):
                self.parts.add(stored.part_cells, stored.parts)
            self.calibration, self.complete = stored.calibration, stored.complete

    def _read_journal(self, *, alone: bool) -> None:
        """``alone``: the file that it continues could not be used, so it must hold the calibration itself."""
        records, end = read_journal(self._journal_path, _KINDS)
        if not records:
            return
        if records[0].kind != _FACTS:
            raise ValueError(strings.NO_SUBJECT)
        self.subject.check(json_object(records[0].payload), self._journal_path)
        tables, calibration = {kind: FeatureTable(self.grid) for kind in (_ROWS, _PARTS)}, None
        for record in records[1:]:
            if record.kind in tables:
                tables[record.kind].add(*_rows_of(record))
            elif record.kind == _CALIBRATION:
                calibration = json_object(record.payload[: MAX_CALIBRATION_BYTES + 1])
        if alone and calibration is None:
            raise FeatureFileError(self._journal_path, strings.CONTINUES_UNUSABLE)
        rows, parts = (table.rows() for table in tables.values())
        self._check_width(self._journal_path, rows[1], parts[1])
        for kept, found in (self._table, rows), (self.parts, parts):
            if len(found[0]):
                kept.add(*found)
        if len(rows[0]) or calibration is not None:  # parts alone may come to what is complete
            self.complete = False
        self.calibration = self.calibration if calibration is None else calibration
        self._journal_end = end

    def _check_width(self, path: Path, features: NDArray[np.float32], parts: NDArray[np.float32]) -> None:
        card = self.subject.card
        for values, expected in (features, card.feature_count), (parts, PARTS * card.part_features):
            if len(values) and expected and values.shape[1] != expected:
                found = values.shape[1]
                raise FeatureFileError(path, strings.FEATURE_COUNT.format(found=found, expected=expected))


def _lock_for(folder: Path, subject: StoreSubject) -> tuple[StoreLock | None, str]:
    """The lock, or None and a sentence on the reason."""
    try:
        lock = StoreLock.acquire(folder, subject.key)
        if lock is not None:
            lock.touch()
    except OSError as error:
        log.warning("%s: %s", folder, error)
        return None, strings.NOT_SAVED.format(folder=folder, reason=save_failure(folder, error))
    if lock is None:
        return None, strings.ANALYSED_ELSEWHERE
    return lock, ""


def _steps(table: FeatureTable, start: int) -> list[int]:
    """Where records of rows from ``start`` end, each of a bounded size."""
    step = max(1, _MAX_RECORD_VALUES // (table.width + 2))
    return [min(end, table.count) for end in range(start + step, table.count + step, step)]


def _rows_record(kind: bytes, cells: NDArray[np.int32], features: NDArray[np.float32]) -> Record:
    shape = np.array(features.shape, "<u4").tobytes()
    return Record(kind, shape + cells.astype("<i4").tobytes() + features.astype("<f4").tobytes())


def _rows_of(record: Record) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    if len(record.payload) < 8:
        raise ValueError(strings.BLOCK_WITHOUT_SHAPE)
    rows, width = (int(value) for value in np.frombuffer(record.payload, "<u4", 2))
    if width > MAX_FEATURES or len(record.payload) != 8 + 4 * rows * (2 + width):
        raise ValueError(strings.BLOCK_SIZE.format(rows=rows, width=width, size=len(record.payload)))
    cells = np.frombuffer(record.payload, "<i4", 2 * rows, 8).reshape(rows, 2)
    features = np.frombuffer(record.payload, "<f4", rows * width, 8 + 8 * rows).reshape(rows, width)
    return cells.astype(np.int32), features.astype(np.float32)
