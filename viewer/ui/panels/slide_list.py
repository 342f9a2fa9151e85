"""A list of slides with pictures: name, size and, where a slide cannot be opened, the reason.

Used for the folder and for the recent slides. Pictures are asked for when a row is painted first, so the rows
in sight come first.
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
from PySide6.QtGui import QKeyEvent, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import (
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from viewer.ui.panels.thumbnails import Portrait, ThumbnailWorker

Index = QModelIndex | QPersistentModelIndex


def size_in_words(size_bytes: int) -> str:
    """A file size for people, in powers of 1000 as file managers show it."""
    size = float(size_bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "bytes" or size >= 99.5 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


@dataclass(slots=True)
class SlideEntry:
    """A slide in a list. ``size_bytes`` None: the file is not there."""

    path: Path
    size_bytes: int | None
    asked: bool = False
    portrait: Portrait | None = None
    pixmap: QPixmap | None = None

    @property
    def facts(self) -> str:
        """The second line: size of file and slide, or what is wrong."""
        if self.size_bytes is None:
            return "not there any more"
        if self.portrait is not None and self.portrait.size_px is None:
            return f"⚠ {self.portrait.reason}"
        size = size_in_words(self.size_bytes)
        if self.portrait is None or self.portrait.size_px is None:
            return size
        return f"{size}, {self.portrait.size_px[0]} × {self.portrait.size_px[1]} px"

    @property
    def openable(self) -> bool:
        """False once it is known that it cannot be opened."""
        return self.size_bytes is not None and (self.portrait is None or self.portrait.size_px is not None)


class SlideListModel(QAbstractListModel):
    """The entries, and their pictures as they come."""

    def __init__(self, portraits: ThumbnailWorker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._portraits = portraits
        self._entries: list[SlideEntry] = []
        portraits.made.connect(self._portrait_made)

    @property
    def entries(self) -> Sequence[SlideEntry]:
        return self._entries

    def set_entries(self, entries: list[SlideEntry]) -> None:
        """Show other slides."""
        self.beginResetModel()
        self._entries = entries
        self.endResetModel()

    def row_of(self, path: Path) -> int:
        """The row of a slide, −1 where it is not in the list."""
        return next((row for row, entry in enumerate(self._entries) if entry.path == path), -1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  # Qt's signature
        return 0 if parent.isValid() else len(self._entries)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        entry = self._entries[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.path.name
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{entry.path.name}\n{entry.facts}"
        if role == Qt.ItemDataRole.UserRole:
            return entry
        return None

    def ask_for_portrait(self, entry: SlideEntry) -> None:
        """Have the picture made, once."""
        if not entry.asked and entry.size_bytes is not None:
            entry.asked = True
            self._portraits.request(entry.path)

    def _portrait_made(self, portrait: Portrait) -> None:
        row = self.row_of(portrait.path)
        if row >= 0:
            entry = self._entries[row]
            entry.asked = True
            entry.portrait = portrait
            entry.pixmap = None if portrait.image is None else QPixmap.fromImage(portrait.image)
            self.dataChanged.emit(self.index(row), self.index(row))


class _SlideRow(QStyledItemDelegate):
    """Paints a picture and two lines of text; all lengths follow the font."""

    def sizeHint(self, option: QStyleOptionViewItem, _index: Index) -> QSize:
        metrics = option.fontMetrics
        return QSize(metrics.averageCharWidth() * 24, metrics.height() * 4)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        entry: SlideEntry = index.data(Qt.ItemDataRole.UserRole)
        model = index.model()
        assert isinstance(model, SlideListModel)
        model.ask_for_portrait(entry)
        view = option.widget
        view.style().drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, view)
        painter.save()
        em = option.fontMetrics.height()
        row = option.rect.adjusted(em // 4, em // 4, -em // 4, -em // 4)
        picture_box = QRect(row.left(), row.top(), row.height() * 5 // 4, row.height())
        self._paint_picture(painter, picture_box, entry, option)
        text = QRect(
            picture_box.right() + em // 2,
            row.top(),
            row.right() - picture_box.right() - em // 2,
            row.height(),
        )
        self._paint_text(painter, text, entry, option)
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(option.palette.color(QPalette.ColorRole.Text))
            painter.drawRect(option.rect.adjusted(1, 1, -2, -2))
        painter.restore()

    def _paint_picture(
        self, painter: QPainter, box: QRect, entry: SlideEntry, option: QStyleOptionViewItem
    ) -> None:
        if entry.pixmap is None:
            painter.setPen(option.palette.color(QPalette.ColorRole.PlaceholderText))
            painter.drawRect(box.adjusted(0, 0, -1, -1))
            waiting = entry.portrait is None and entry.size_bytes is not None
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "…" if waiting else "–")
            return
        ratio = painter.device().devicePixelRatioF()
        picture = entry.pixmap.scaled(
            box.size() * ratio, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
        picture.setDevicePixelRatio(ratio)
        place = QRect(0, 0, round(picture.width() / ratio), round(picture.height() / ratio))
        place.moveCenter(box.center())
        painter.drawPixmap(place, picture)

    def _paint_text(
        self, painter: QPainter, box: QRect, entry: SlideEntry, option: QStyleOptionViewItem
    ) -> None:
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        metrics = option.fontMetrics
        roles = QPalette.ColorRole
        painter.setPen(option.palette.color(roles.HighlightedText if selected else roles.Text))
        name = metrics.elidedText(entry.path.name, Qt.TextElideMode.ElideMiddle, box.width())
        name_box = QRect(box.left(), box.top(), box.width(), metrics.height())
        painter.drawText(name_box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, name)
        painter.setPen(option.palette.color(roles.HighlightedText if selected else roles.PlaceholderText))
        lines = (box.bottom() - name_box.bottom()) // metrics.lineSpacing()
        facts_box = QRect(box.left(), name_box.bottom(), box.width(), lines * metrics.lineSpacing())
        # Lines break at words and are seldom full: what is to fit must be a little shorter than the lines.
        fitting = round(facts_box.width() * (lines - 0.25))
        facts = metrics.elidedText(entry.facts, Qt.TextElideMode.ElideRight, fitting)
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
        painter.drawText(facts_box, flags, facts)


class SlideList(QListView):
    """The list itself. A click or Enter chooses a slide; arrow keys only move through the list."""

    chosen = Signal(object)
    """The path of a slide that the reader wants to open."""

    def __init__(self, portraits: ThumbnailWorker, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.slides = SlideListModel(portraits, self)
        self.setModel(self.slides)
        self.setItemDelegate(_SlideRow(self))
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(em_px(10))
        self.clicked.connect(self._choose)

    def select(self, path: Path) -> None:
        """Mark the slide that is open, without opening it again."""
        index = self.slides.index(self.slides.row_of(path))
        if index.isValid():
            self.setCurrentIndex(index)
        else:
            self.clearSelection()

    def _choose(self, index: QModelIndex) -> None:
        self.chosen.emit(index.data(Qt.ItemDataRole.UserRole).path)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter chooses the row that is marked."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self._choose(self.currentIndex())
        else:
            super().keyPressEvent(event)
