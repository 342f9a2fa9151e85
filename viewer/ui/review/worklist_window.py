"""The worklist: cases to be read, in the order in which they need reading, and why; adding and opening."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QTableView,
    QVBoxLayout,
)

from viewer import RESEARCH_USE_STATEMENT
from viewer.common.errors import FoveolaError
from viewer.review.reading.kinds import Mode
from viewer.review.worklist.csv_cases import cases_of_csv
from viewer.review.worklist.new_case import cases_of_folder
from viewer.review.worklist.priority import Order, in_words
from viewer.review.worklist.state import State
from viewer.ui.review import strings
from viewer.ui.widgets.dialogs import SearchDialog
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PySide6.QtCore import QObject
    from PySide6.QtWidgets import QWidget

    from viewer.review.protocols import ReadingProtocol
    from viewer.review.worklist.case import Case
    from viewer.review.worklist.worklist import Worklist
    from viewer.ui.panels.thumbnails import SlideThumbnail, ThumbnailWorker

Index = QModelIndex | QPersistentModelIndex
COLUMNS = "case", "state", "why", "question", "slides", "protocol"
_WHY = COLUMNS.index("why")


class CaseModel(QAbstractTableModel):
    """Rows of cases; thumbnails of first slides are requested when a row is painted first."""

    def __init__(
        self, thumbnails: ThumbnailWorker, protocols: Mapping[str, ReadingProtocol], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._thumbnails, self._protocols = thumbnails, protocols
        self._cases: Sequence[Case] = ()
        self._now = datetime.now(UTC)
        self._is_blinded = True
        self._icons: dict[str, QIcon | None] = {}
        thumbnails.made.connect(self._made)

    @property
    def cases(self) -> Sequence[Case]:
        return self._cases

    def set_cases(self, cases: Sequence[Case], *, blinded: bool) -> None:
        """Show other cases; ``blinded``: of unsigned ones not what the program found."""
        self.beginResetModel()
        self._is_blinded = blinded
        self._cases, self._now = cases, datetime.now(UTC)
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  # Qt's signature
        return 0 if parent.isValid() else len(self._cases)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  # Qt's signature
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return strings.COLUMNS[COLUMNS[section]]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        case = self._cases[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return self._text(case, COLUMNS[index.column()])
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 0 and case.slides:
            return self._icon(case.slides[0].path)
        return None

    def _text(self, case: Case, column: str) -> str:
        match column:
            case "case":
                return case.title or case.id
            case "state":
                return case.state.value
            case "why":
                hidden = self._is_blinded and case.state is not State.SIGNED
                shown = case._replace(findings=None, highest=None, audit=None) if hidden else case
                return in_words(shown, self._now)
            case "question":
                return case.question
            case "slides":
                return str(len(case.slides))
            case _:
                protocol = self._protocols.get(case.protocol)
                return case.protocol if protocol is None else protocol.title

    def _icon(self, path: str) -> QIcon | None:
        if path not in self._icons:
            self._icons[path] = None
            self._thumbnails.request(Path(path))
        return self._icons[path]

    def _made(self, thumbnail: SlideThumbnail) -> None:
        path = str(thumbnail.path)
        if path in self._icons and thumbnail.image is not None:
            self._icons[path] = QIcon(QPixmap.fromImage(thumbnail.image))
            rows = [
                row for row, case in enumerate(self._cases) if case.slides and case.slides[0].path == path
            ]
            for row in rows:
                self.dataChanged.emit(self.index(row, 0), self.index(row, 0))


class WorklistWindow(SearchDialog):
    """``open_pressed``: the id of a case, the reader's name and a Mode. ``read_pressed``: whether the second
    reader is to read all unread cases, or to stop."""

    open_pressed = Signal(str, str, object)
    read_pressed = Signal(bool)

    def __init__(
        self,
        worklist: Worklist,
        protocols: Mapping[str, ReadingProtocol],
        thumbnails: ThumbnailWorker,
        reader: str,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(strings.WORKLIST)
        self._worklist = worklist
        self.model = CaseModel(thumbnails, protocols, self)
        self.search = QLineEdit(placeholderText=strings.SEARCH_CASES, clearButtonEnabled=True)
        self.search.setAccessibleName(strings.SEARCH_CASES)
        self.state = QComboBox()
        self.state.setAccessibleName(strings.STATE)
        self.order = QComboBox()
        self.order.setAccessibleName(strings.ORDER)
        for order in Order:
            self.order.addItem(strings.ORDERS[order.value], order)
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setAccessibleName(strings.WORKLIST)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setTabKeyNavigation(False)
        self.table.setShowGrid(False)
        self.table.setAlternatingRowColors(True)
        self.table.setIconSize(QSize(em_px(2.4), em_px(2.4)))
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(em_px(2.8))
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        for column, width in enumerate((13, 7, 18, 16, 4, 11)):
            self.table.setColumnWidth(column, em_px(width))
        header.setSectionResizeMode(_WHY, QHeaderView.ResizeMode.Stretch)
        self.empty = QLabel(strings.NO_CASES, wordWrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setProperty("muted", True)
        self.message = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.message.hide()
        self.protocol = QComboBox()
        self.protocol.setAccessibleName(strings.PROTOCOL)
        for name, one in protocols.items():
            self.protocol.addItem(one.title, name)
            self.protocol.setItemData(self.protocol.count() - 1, one.purpose, Qt.ItemDataRole.ToolTipRole)
        self.mode = QComboBox()
        self.mode.setAccessibleName(strings.MODE)
        for mode in Mode:
            self.mode.addItem(strings.MODES[mode.value], mode)
            tip = strings.MODE_SENTENCES[mode.value]
            self.mode.setItemData(self.mode.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.reader = QLineEdit(reader)
        self.reader.setAccessibleName(strings.READER)
        self.add_folder_button = _button(strings.ADD_FOLDER, strings.ADD_FOLDER_TIP)
        self.add_table_button = _button(strings.ADD_TABLE, strings.ADD_TABLE_TIP)
        self.open_selected = _button(strings.OPEN_CASE, strings.OPEN_CASE_TIP)
        self.resume = _button(strings.RESUME, strings.RESUME_TIP)
        self.read = _button(strings.READ_ALL, strings.READ_ALL_TIP)
        self.read.setCheckable(True)
        self._progress = QProgressBar(maximum=1000)
        self._progress.setAccessibleName(strings.READ_ALL)
        self._connect()
        self._lay_out()
        self.resize(em_px(64), em_px(38))
        self.show_cases()

    @property
    def shown(self) -> Sequence[Case]:
        """The cases as they are listed."""
        return self.model.cases

    def show_cases(self) -> None:
        """List the cases that search and state select; the selected one stays so."""
        selected = self.selected
        self._show_states()
        state, order = self.state.currentData(), self.order.currentData()
        blinded = Mode(self.mode.currentData()) is not Mode.CONCURRENT
        if blinded and order is Order.PRIORITY:  # the order would say what the program found
            order = Order.ADDED
        self.model.set_cases(
            self._worklist.cases(
                states=() if state is None else (state,), text=self.search.text(), order=order
            ),
            blinded=blinded,
        )
        self.order.setItemText(0, strings.PRIORITY_HIDDEN if blinded else strings.ORDERS["priority"])
        self.empty.setText(strings.NO_CASES if not self._worklist.counts() else strings.NO_MATCH)
        self.empty.setVisible(not self.model.cases)
        self.table.setVisible(bool(self.model.cases))
        ids = [case.id for case in self.model.cases]
        row = ids.index(selected.id) if selected is not None and selected.id in ids else (0 if ids else -1)
        if row >= 0:
            self.table.selectRow(row)
        self._refresh()

    @property
    def selected(self) -> Case | None:
        row = self.table.currentIndex().row()
        return self.model.cases[row] if 0 <= row < len(self.model.cases) else None

    def show_progress(self, waiting: int, share: float | None) -> None:
        """How many cases the second reader is still to read, and how much of the present one is done."""
        self.read.setChecked(waiting > 0)
        self.read.setText(strings.READ_STOP if waiting else strings.READ_ALL)
        self._progress.setVisible(waiting > 0)
        self._progress.setValue(round(1000 * (share or 0.0)))
        self._progress.setFormat(strings.READ_PROGRESS.format(count=waiting))

    def show_message(self, text: str) -> None:
        """Show a sentence below the list; "" for none."""
        self.message.setText(text)
        self.message.setVisible(bool(text))

    def add_folder(self, folder: Path) -> None:
        """Add the cases of a folder; what came of it is shown."""
        self._add(lambda protocol: cases_of_folder(folder, protocol))

    def add_table(self, file: Path) -> None:
        """Add the cases of a CSV; what came of it is shown."""
        self._add(lambda protocol: cases_of_csv(file, protocol)[0])

    def _add(self, cases_of: Any) -> None:
        try:
            added = self._worklist.add(cases_of(self.protocol.currentData()), self.reader.text())
        except FoveolaError as error:
            self.show_message(str(error))
            return
        known = strings.CASES_KNOWN.format(count=added.known) if added.known else ""
        self.show_message(strings.CASES_ADDED.format(count=len(added.ids), known=known))
        self.show_cases()

    def _choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, strings.ADD_FOLDER_TITLE)
        if name:
            self.add_folder(Path(name))

    def _choose_table(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, strings.ADD_TABLE_TITLE, "", strings.TABLE_FILES)
        if name:
            self.add_table(Path(name))

    def _press_open(self) -> None:
        if self.selected is not None:
            self.open_pressed.emit(
                self.selected.id, self.reader.text().strip(), Mode(self.mode.currentData())
            )

    def _press_resume(self) -> None:
        left = self._worklist.left_by(self.reader.text().strip())
        if left is not None:
            self.open_pressed.emit(left.id, self.reader.text().strip(), Mode(self.mode.currentData()))

    def _show_states(self) -> None:
        counts = self._worklist.counts()
        chosen = self.state.currentData()
        self.state.blockSignals(True)
        self.state.clear()
        self.state.addItem(strings.ALL_STATES.format(count=sum(counts.values())), None)
        for state in State:
            if counts[state]:
                self.state.addItem(strings.STATE_COUNT.format(state=state.value, count=counts[state]), state)
        self.state.setCurrentIndex(max(0, self.state.findData(chosen)))
        self.state.blockSignals(False)

    def _refresh(self) -> None:
        has_reader = bool(self.reader.text().strip())
        self.open_selected.setEnabled(self.selected is not None and has_reader)
        self.resume.setEnabled(has_reader and self._worklist.left_by(self.reader.text().strip()) is not None)
        self.read.setEnabled(bool(self._worklist.counts()))

    def _connect(self) -> None:
        self.search.textChanged.connect(self.show_cases)
        self.state.activated.connect(self.show_cases)
        self.order.activated.connect(self.show_cases)
        self.mode.activated.connect(self.show_cases)
        self.reader.textChanged.connect(self._refresh)
        self.table.activated.connect(self._press_open)
        self.table.selectionModel().selectionChanged.connect(self._refresh)
        self.add_folder_button.clicked.connect(self._choose_folder)
        self.add_table_button.clicked.connect(self._choose_table)
        self.open_selected.clicked.connect(self._press_open)
        self.resume.clicked.connect(self._press_resume)
        self.read.clicked.connect(self.read_pressed)

    def _lay_out(self) -> None:
        filters = QHBoxLayout()
        filters.addWidget(self.search, 1)
        filters.addWidget(self.state)
        filters.addWidget(self.order)
        grid = QGridLayout()
        grid.setColumnStretch(6, 1)
        for place, widget in enumerate(
            (
                _label(strings.PROTOCOL, self.protocol),
                self.protocol,
                self.add_folder_button,
                self.add_table_button,
                self.read,
            )
        ):
            grid.addWidget(widget, 0, place)
        grid.addWidget(self._progress, 0, 6)
        for place, widget in enumerate(
            (
                _label(strings.READER, self.reader),
                self.reader,
                _label(strings.MODE, self.mode),
                self.mode,
                self.open_selected,
                self.resume,
            )
        ):
            grid.addWidget(widget, 1, place)
        research = QLabel(RESEARCH_USE_STATEMENT, wordWrap=True)
        research.setProperty("muted", True)
        layout = QVBoxLayout(self)
        layout.addLayout(filters)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.empty, 1)
        layout.addWidget(self.message)
        layout.addLayout(grid)
        layout.addWidget(research)
        self.show_progress(0, None)


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setAccessibleName(text.rstrip("…"))
    return button


def _label(text: str, buddy: QWidget) -> QLabel:
    label = QLabel(text)
    label.setBuddy(buddy)
    return label
