"""A list of slides with thumbnails: name, size and, where a slide cannot be opened, the reason.

Used for the folder and for the recent slides. A thumbnail is requested when its row is painted first, so
visible rows come first.
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

from viewer.ui.panels import strings
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from viewer.ui.panels.thumbnails import SlideThumbnail, ThumbnailWorker

Index = QModelIndex | QPersistentModelIndex


def size_in_words(size_bytes: int) -> str:
    """A file size as text, in powers of 1000 as file managers show it."""
    size = float(size_bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "bytes" or size >= 99.5 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


@dataclass(slots=True)
class SlideEntry:
    """A slide in a list. ``size_bytes`` None: it is not there. ``is_folder``: it is a folder of tiles."""

    path: Path
    size_bytes: int | None
    is_folder: bool = False
    requested: bool = False
    thumbnail: SlideThumbnail | None = None
    pixmap: QPixmap | None = None

    @property
    def facts(self) -> str:
        """The second line: size of file and slide, or why it cannot be opened."""
        if self.size_bytes is None:
            return strings.FILE_GONE
        if self.problem:
            return strings.WARNING.format(text=self.problem)
        size = strings.TILE_FOLDER if self.is_folder else size_in_words(self.size_bytes)
        if self.thumbnail is None or self.thumbnail.size_px is None:
            return size
        width, height = self.thumbnail.size_px
        return f"{size}, {strings.SIZE_PX.format(width=width, height=height)}"

    @property
    def problem(self) -> str:
        """Why it cannot be opened, once reading it has failed; else ""."""
        if self.size_bytes is None:
            return strings.FILE_GONE
        failed = self.thumbnail is not None and self.thumbnail.size_px is None
        return self.thumbnail.reason if self.thumbnail is not None and failed else ""


class SlideListModel(QAbstractListModel):
    """The entries, and their thumbnails as they are made."""

    def __init__(self, thumbnails: ThumbnailWorker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thumbnails = thumbnails
        self._entries: list[SlideEntry] = []
        thumbnails.made.connect(self._thumbnail_made)

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

    def request_thumbnail(self, entry: SlideEntry) -> None:
        """Request the thumbnail of an entry, once."""
        if not entry.requested and entry.size_bytes is not None:
            entry.requested = True
            self._thumbnails.request(entry.path)

    def _thumbnail_made(self, thumbnail: SlideThumbnail) -> None:
        row = self.row_of(thumbnail.path)
        if row >= 0:
            entry = self._entries[row]
            entry.requested = True
            entry.thumbnail = thumbnail
            entry.pixmap = None if thumbnail.image is None else QPixmap.fromImage(thumbnail.image)
            self.dataChanged.emit(self.index(row), self.index(row))


_LEAST_ROWS, _ROW_LINES = 3, 4


class _SlideRow(QStyledItemDelegate):
    """Paints a thumbnail and two lines of text; all lengths follow the font."""

    def sizeHint(self, option: QStyleOptionViewItem, _index: Index) -> QSize:
        metrics = option.fontMetrics
        return QSize(metrics.averageCharWidth() * 24, metrics.height() * _ROW_LINES)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        entry: SlideEntry = index.data(Qt.ItemDataRole.UserRole)
        model = index.model()
        assert isinstance(model, SlideListModel)
        model.request_thumbnail(entry)
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
            pending = entry.thumbnail is None and entry.size_bytes is not None
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "…" if pending else "–")
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
        # Lines break at words and are seldom full, so the text must be a little shorter than they are.
        fitting = round(facts_box.width() * (lines - 0.25))
        facts = metrics.elidedText(entry.facts, Qt.TextElideMode.ElideRight, fitting)
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
        painter.drawText(facts_box, flags, facts)


class SlideList(QListView):
    """The list widget. A click or Enter chooses a slide; arrow keys only move the selection."""

    chosen = Signal(object)
    """The path of a slide to open."""

    def __init__(self, thumbnails: ThumbnailWorker, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.slides = SlideListModel(thumbnails, self)
        self.setModel(self.slides)
        self.setItemDelegate(_SlideRow(self))
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(em_px(10))
        self.clicked.connect(self._choose)

    def sizeHint(self) -> QSize:
        """Of a few rows: all beyond is what others leave. A list that asks for more than it needs makes an
        area around it scroll as well."""
        return self.minimumSizeHint()

    def minimumSizeHint(self) -> QSize:
        rows_px = _LEAST_ROWS * _ROW_LINES * self.fontMetrics().height()
        return QSize(super().minimumSizeHint().width(), rows_px + 2 * self.frameWidth())

    def select(self, path: Path) -> None:
        """Select the slide that is open, without opening it again."""
        index = self.slides.index(self.slides.row_of(path))
        if index.isValid():
            self.setCurrentIndex(index)
        else:
            self.clearSelection()

    def _choose(self, index: QModelIndex) -> None:
        self.chosen.emit(index.data(Qt.ItemDataRole.UserRole).path)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose the selected row at Enter."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self._choose(self.currentIndex())
        else:
            super().keyPressEvent(event)
