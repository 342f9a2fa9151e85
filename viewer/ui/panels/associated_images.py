"""The dialog of label, macro and thumbnail images: a caution, and one image decoded at a time on request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from viewer.slide.source import SlideError
from viewer.ui.panels import strings
from viewer.ui.widgets.theme import without_icons

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from viewer.ui.canvas.slide_view import SlideView


class _Picture(QWidget):
    """An image scaled down to fit the widget, or a text in its place."""

    def __init__(self) -> None:
        super().__init__()
        self.image: QImage | None = None
        self.text = ""
        self.setAccessibleName(strings.IMAGE_NAME)

    def show_image(self, image: QImage) -> None:
        self.image, self.text = image, ""
        self.update()

    def show_text(self, text: str) -> None:
        self.image, self.text = None, text
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self.image is None:
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect(), flags, self.text)
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            size = self.image.size()
            if size.width() > self.width() or size.height() > self.height():
                size.scale(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
            place = QRect(QPoint(0, 0), size)
            place.moveCenter(self.rect().center())
            painter.drawImage(place, self.image)
        painter.end()


class AssociatedImages(QDialog):
    """Lists the images in the file; "Show" decodes the chosen one. Closes with its slide."""

    def __init__(self, slide_view: SlideView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._source = slide_view.source
        self.setWindowTitle(strings.ASSOCIATED_IMAGES)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        caution = QLabel(strings.WARNING.format(text=strings.CAUTION), wordWrap=True)
        caution.setAccessibleName(strings.CAUTION_NAME)
        self._names = QListWidget()
        self._names.setAccessibleName(strings.IMAGE_LIST)
        self._names.setMaximumWidth(self.fontMetrics().averageCharWidth() * 28)
        self._names.addItems(self._source.info.associated_images if self._source is not None else ())
        self._names.currentRowChanged.connect(self._hide_picture)
        self._names.itemActivated.connect(self.show_chosen)
        self._show = QPushButton(strings.SHOW_IMAGE)
        self._show.setToolTip(strings.SHOW_IMAGE_TIP)
        self._show.clicked.connect(self.show_chosen)
        self._picture = _Picture()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        without_icons(buttons.buttons())
        buttons.rejected.connect(self.reject)
        left = QVBoxLayout()
        left.addWidget(self._names, 1)
        left.addWidget(self._show)
        middle = QHBoxLayout()
        middle.addLayout(left)
        middle.addWidget(self._picture, 1)
        layout = QVBoxLayout(self)
        layout.addWidget(caution)
        layout.addLayout(middle, 1)
        layout.addWidget(buttons)
        em = self.fontMetrics().height()
        self.resize(44 * em, 26 * em)
        slide_view.source_changed.connect(self.close)
        self._names.setCurrentRow(0)
        self._hide_picture()

    @property
    def picture_shown(self) -> bool:
        """Whether an image is on the screen."""
        return self._picture.image is not None

    def show_chosen(self) -> None:
        """Decode and show the chosen image, or in its place why it cannot be shown."""
        item = self._names.currentItem()
        if self._source is None or item is None:
            return
        try:
            pixels = np.ascontiguousarray(self._source.read_associated_image(item.text()))
        except SlideError as error:
            self._picture.show_text(strings.IMAGE_UNREADABLE.format(name=item.text(), reason=error.reason))
            return
        height, width = pixels.shape[:2]
        image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888)
        self._picture.show_image(image.copy())  # the array, which owns the pixels, is freed

    def _hide_picture(self) -> None:
        self._show.setEnabled(self._names.currentItem() is not None)
        self._picture.show_text(strings.NOTHING_SHOWN)
