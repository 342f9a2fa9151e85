"""The list of ranked places: thumbnail, value and position of each; one can be chosen or stepped to.

A thumbnail is requested when its row is painted first, so visible rows come first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QImage, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from viewer.relevance.patches.field import UNIT
from viewer.ui.search import strings
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QFocusEvent, QKeyEvent

    from viewer.relevance.patches.peaks import Hit

Index = QModelIndex | QPersistentModelIndex
THUMBNAIL_PX = 96


@dataclass(slots=True)
class HitRow:
    """One place of the list. ``thumbnail_error``: why it has no thumbnail; shown in its place. ``meaning``:
    what its value meant on test slides, "" where that is not known; ``weak``: it is only among the most
    alike; ``unit``: of its score."""

    number: int
    hit: Hit
    facts: str
    meaning: str = ""
    weak: bool = False
    unit: str = UNIT
    requested: bool = False
    pixmap: QPixmap | None = None
    thumbnail_error: str = ""

    @property
    def title(self) -> str:
        template = strings.PLACE_WEAK if self.weak else strings.PLACE_TITLE
        value = strings.VALUES[self.unit].format(score=self.hit.score)
        return template.format(number=self.number, value=value, score=self.hit.score)

    @property
    def short_title(self) -> str:
        """What a narrow list has room for."""
        return strings.PLACE_SHORT_TITLE.format(number=self.number, score=self.hit.score)


class HitModel(QAbstractListModel):
    """The rows, and their thumbnails as they are read."""

    thumbnail_requested = Signal(object)
    """A HitRow that became visible."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[HitRow] = []

    @property
    def rows(self) -> Sequence[HitRow]:
        return self._rows

    def set_rows(self, rows: list[HitRow]) -> None:
        """Show other places."""
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def set_thumbnail(self, row: HitRow, image: QImage | None, error: str = "") -> None:
        """Show the thumbnail of a row, or why it has none."""
        row.pixmap = None if image is None else QPixmap.fromImage(image)
        row.thumbnail_error = error
        if row.number <= len(self._rows) and self._rows[row.number - 1] is row:
            index = self.index(row.number - 1)
            self.dataChanged.emit(index, index)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  # Qt's signature
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return row.title
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return "\n".join(filter(None, (row.title, row.facts, row.meaning)))
        if role == Qt.ItemDataRole.UserRole:
            return row
        return None

    def request_thumbnail(self, row: HitRow) -> None:
        """Request the thumbnail of a row, once."""
        if not row.requested:
            row.requested = True
            self.thumbnail_requested.emit(row)


class _HitDelegate(QStyledItemDelegate):
    """Paints a thumbnail and lines of text; all lengths follow the font."""

    def sizeHint(self, option: QStyleOptionViewItem, _index: Index) -> QSize:
        metrics = option.fontMetrics
        return QSize(metrics.averageCharWidth() * 20, 3 * metrics.lineSpacing() + 2 * (metrics.height() // 4))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: HitRow = index.data(Qt.ItemDataRole.UserRole)
        model = index.model()
        assert isinstance(model, HitModel)
        model.request_thumbnail(row)
        option.widget.style().drawPrimitive(
            QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget
        )
        painter.save()
        em = option.fontMetrics.height()
        box = option.rect.adjusted(em // 4, em // 4, -em // 4, -em // 4)
        # A score is never cut: in a narrow list the picture is smaller.
        beside_px = box.width() - em // 2 - option.fontMetrics.horizontalAdvance(row.short_title)
        side = max(min(box.height(), beside_px), 0)
        _paint_picture(painter, QRect(box.left(), box.top(), side, side), row, option)
        _paint_text(painter, box.adjusted(side + em // 2 if side else 0, 0, 0, 0), row, option)
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(option.palette.color(QPalette.ColorRole.Text))
            painter.drawRect(option.rect.adjusted(1, 1, -2, -2))
        painter.restore()


def _paint_picture(painter: QPainter, box: QRect, row: HitRow, option: QStyleOptionViewItem) -> None:
    if row.pixmap is not None:
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(box, row.pixmap)
        return
    painter.setPen(option.palette.color(QPalette.ColorRole.PlaceholderText))
    painter.drawRect(box.adjusted(0, 0, -1, -1))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "–" if row.thumbnail_error else "…")


def _paint_text(painter: QPainter, box: QRect, row: HitRow, option: QStyleOptionViewItem) -> None:
    roles = QPalette.ColorRole
    selected = bool(option.state & QStyle.StateFlag.State_Selected)
    line = option.fontMetrics.lineSpacing()
    painter.setPen(option.palette.color(roles.HighlightedText if selected else roles.Text))
    fits = option.fontMetrics.horizontalAdvance(row.title) <= box.width()
    title = row.title if fits else row.short_title
    painter.drawText(QRect(box.left(), box.top(), box.width(), line), Qt.AlignmentFlag.AlignLeft, title)
    painter.setPen(option.palette.color(roles.HighlightedText if selected else roles.PlaceholderText))
    facts = row.facts
    if row.thumbnail_error:
        facts += f"\n{strings.WARNING.format(text=row.thumbnail_error)}"
    rest = QRect(box.left(), box.top() + line, box.width(), box.height() - line)
    painter.drawText(rest, Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextWordWrap, facts)


class HitList(QListView):
    """The list widget. A click, Enter or ``step(±1)`` chooses a place.

    While a place is marked, or the list has the focus, the order stands: other places wait until they are
    wanted, or until stepping goes past the end.
    """

    chosen = Signal(object)
    """A HitRow to go to."""
    waiting_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.hits = HitModel(self)
        self._waiting: list[HitRow] | None = None
        self.setModel(self.hits)
        self.setItemDelegate(_HitDelegate(self))
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumHeight(em_px(5))
        self.setAccessibleName(strings.PLACE_LIST_NAME)
        self.clicked.connect(self._choose)

    @property
    def current_row(self) -> HitRow | None:
        index = self.currentIndex()
        return self.hits.rows[index.row()] if index.isValid() else None

    @property
    def waiting_count(self) -> int | None:
        """How many places wait that overlap none of those listed; None where none wait."""
        if self._waiting is None:
            return None
        listed = [row.hit.rect for row in self.hits.rows]
        return sum(all(rect.intersection(row.hit.rect) is None for rect in listed) for row in self._waiting)

    def offer_rows(self, rows: list[HitRow], *, anew: bool) -> None:
        """Show other places, or let them wait. ``anew``: those of another question, from the top."""
        in_use = bool(rows and self.hits.rows) and (self.hasFocus() or self.currentIndex().isValid())
        waits = in_use and not anew and _are_others(rows, self.hits.rows)
        self._set_waiting(rows if waits else None)
        if anew:
            self.setCurrentIndex(QModelIndex())
        if not waits:
            self.show_rows(rows)
        if anew:
            self.scrollToTop()

    def show_waiting(self) -> None:
        """Show the places that wait, in their order."""
        if self._waiting is not None:
            rows = self._waiting
            self._set_waiting(None)
            self.show_rows(rows)
            if self.currentIndex().isValid():
                self.scrollTo(self.currentIndex())

    def show_rows(self, rows: list[HitRow]) -> None:
        """Show other places, as they come while an analysis runs. Places that stay keep their thumbnail and
        selection; the scroll position is kept."""
        before, scrolled = self.current_row, self.verticalScrollBar().value()
        thumbnails = {row.hit.rect: row for row in self.hits.rows if row.pixmap is not None}
        for row in rows:
            if row.hit.rect in thumbnails:
                row.requested, row.pixmap = True, thumbnails[row.hit.rect].pixmap
        self.hits.set_rows(rows)
        if before is not None:
            same = [n for n, row in enumerate(rows) if row.hit.rect.intersection(before.hit.rect) is not None]
            if same:
                self.setCurrentIndex(self.hits.index(same[0]))
        self.verticalScrollBar().setValue(scrolled)

    def step(self, step: int) -> bool:
        """Choose the next place (1) or the previous one (−1), cyclically. False where there is none."""
        count = len(self.hits.rows)
        if count == 0:
            return False
        here = self.currentIndex().row() if self.currentIndex().isValid() else (-1 if step > 0 else 0)
        goes_round = not 0 <= here + step < count
        if goes_round and self.currentIndex().isValid():
            self.show_waiting()
            count = len(self.hits.rows)
            here = -1 if step > 0 else count
        self.setCurrentIndex(self.hits.index((here + step) % count))
        self._choose(self.currentIndex())
        return True

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show what waits, where nothing is marked."""
        super().focusOutEvent(event)
        if not self.currentIndex().isValid():
            self.show_waiting()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose the selected row at Enter."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self._choose(self.currentIndex())
        else:
            super().keyPressEvent(event)

    def _set_waiting(self, rows: list[HitRow] | None) -> None:
        self._waiting = rows
        self.waiting_changed.emit()

    def _choose(self, index: QModelIndex) -> None:
        self.chosen.emit(self.hits.rows[index.row()])


def _are_others(rows: Sequence[HitRow], listed: Sequence[HitRow]) -> bool:
    """Whether places or their order differ."""
    return [row.hit.rect for row in rows] != [row.hit.rect for row in listed]
