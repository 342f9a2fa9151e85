"""The legend on the slide: what the colours measure, what hatching means, where the values came from.

It stands there for as long as an overlay is drawn: a coloured slide alone would look like a verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QLinearGradient, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from viewer.ui.modest_area import breakable
from viewer.ui.theme import em_px

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viewer.relevance.field import Provenance

Rgb = tuple[int, int, int]
NOT_A_DIAGNOSIS = "Not a diagnosis. Research use only."
_MARGIN_PX = 12
_PLATE = QColor(16, 18, 24, 216)
_TEXT = QColor(245, 246, 248)
_DIM = QColor(190, 196, 206)
_LINE = QColor(255, 255, 255, 60)
_WIDTH_EM = 17.0
_MOST_LINES = 3
ESTIMATED = "estimated"
PARTLY_KNOWN = "known in part"


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """One layer: what is shown, the colours from 0 to 1, below which value nothing is drawn, where it is
    from, what 0 and 1 mean, and what dots say of a place, ESTIMATED for instance; "" where there are none."""

    title: str
    colours: tuple[Rgb, ...]
    threshold: float
    facts: str
    low: str = "0 unlike"
    high: str = "1 alike"
    dotted: str = ""


def provenance_in_words(provenance: Provenance) -> str:
    """ "measured concepts, 0.38 µm/px (estimated)"."""
    x, y = provenance.mpp_um
    size = f"{x:.3g}" if abs(x / y - 1) < 1e-3 else f"{x:.3g} × {y:.3g}"
    mark = " (estimated)" if provenance.mpp_estimated else ""
    return f"{provenance.encoder}, {size} µm/px{mark}"


class Legend(QWidget):
    """At the bottom right of the slide's widget; lets the mouse through. Hidden while there is no entry."""

    def __init__(self, slide_widget: QWidget) -> None:
        super().__init__(slide_widget)
        self._slide_widget = slide_widget
        self._entries: tuple[LegendEntry, ...] = ()
        self._dotted = ""
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        slide_widget.installEventFilter(self)
        self.hide()

    @property
    def text(self) -> str:
        """What the legend says, as assistive technology reads it."""
        return self.accessibleName()

    def show_entries(self, entries: Sequence[LegendEntry]) -> None:
        """Show these layers, the uppermost first; none hides the legend."""
        self._entries = tuple(entries)
        self._dotted = " or ".join(dict.fromkeys(entry.dotted for entry in entries if entry.dotted))
        lines = [f"{entry.title} ({entry.facts}), from {entry.low} to {entry.high}." for entry in entries]
        lines += ["Hatched: not analysed."] + ([f"Dotted: {self._dotted}."] if self._dotted else [])
        self.setAccessibleName(" ".join([*lines, NOT_A_DIAGNOSIS]) if entries else "")
        self.setVisible(bool(entries))
        self.place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay in the corner when the slide's widget changes its size."""
        if event.type() == QEvent.Type.Resize:
            self.place()
        return super().eventFilter(watched, event)

    def place(self) -> None:
        """Move to the bottom right corner."""
        self.resize(self.sizeHint())
        parent = self._slide_widget
        self.move(parent.width() - self.width() - _MARGIN_PX, parent.height() - self.height() - _MARGIN_PX)
        self.raise_()
        self.update()

    def sizeHint(self) -> QSize:
        em = em_px()
        heights = [self._title_height(entry) + self._facts_height(entry) for entry in self._entries]
        foot = (1 + len(self._samples())) * em * 1.3
        return QSize(self._width(), round(sum(heights) + len(heights) * em * 2.6 + foot + em * 0.9))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_PLATE)
        painter.drawRoundedRect(QRectF(self.rect()), 6, 6)
        em = float(em_px())
        box = QRectF(self.rect()).adjusted(em * 0.6, em * 0.5, -em * 0.6, -em * 0.4)
        y = box.top()
        for entry in self._entries:
            y = self._paint_entry(painter, entry, box, y)
            painter.fillRect(QRectF(box.left(), y + em * 0.1, box.width(), 1), _LINE)
            y += em * 0.3
        self._paint_foot(painter, box, y)
        painter.end()

    def _width(self) -> int:
        return min(em_px(_WIDTH_EM), max(em_px(8), self._slide_widget.width() - 2 * _MARGIN_PX))

    def _height(self, text: str, font: QFont) -> float:
        """Of the text on as many lines as it takes, up to the most."""
        wide = self._width() - em_px(1.2)
        metrics = QFontMetricsF(font)
        box = metrics.boundingRect(QRectF(0, 0, wide, 1e4), Qt.TextFlag.TextWordWrap, text)
        return min(box.height(), _MOST_LINES * metrics.lineSpacing())

    def _title_height(self, entry: LegendEntry) -> float:
        return self._height(breakable(entry.title), self._bold)

    def _facts_height(self, entry: LegendEntry) -> float:
        return self._height(_together(entry.facts), self.font())

    @property
    def _bold(self) -> QFont:
        font = QFont(self.font())
        font.setBold(True)
        return font

    def _samples(self) -> list[tuple[Qt.BrushStyle, str]]:
        """Patterns and what they mean."""
        dotted = [(Qt.BrushStyle.Dense6Pattern, self._dotted)] if self._dotted else []
        return [(Qt.BrushStyle.BDiagPattern, "not analysed"), *dotted]

    def _paint_entry(self, painter: QPainter, entry: LegendEntry, box: QRectF, y: float) -> float:
        em = float(em_px())
        title = QRectF(box.left(), y, box.width(), self._title_height(entry))
        painter.setPen(_TEXT)
        painter.setFont(self._bold)
        painter.drawText(title, Qt.TextFlag.TextWordWrap, breakable(entry.title))
        painter.setFont(self.font())
        bar = QRectF(box.left(), title.bottom() + em * 0.2, box.width(), em * 0.8)
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        for number, colour in enumerate(entry.colours):
            gradient.setColorAt(number / max(1, len(entry.colours) - 1), QColor(*colour))
        painter.fillRect(bar, gradient)
        if entry.threshold > 0:
            cut = QRectF(bar.topLeft(), QPointF(bar.left() + bar.width() * entry.threshold, bar.bottom()))
            painter.fillRect(cut, _PLATE)
        painter.setPen(QPen(_DIM, 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(bar)
        scale = QRectF(bar.left(), bar.bottom(), bar.width(), em * 1.2)
        painter.drawText(scale, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, entry.low)
        painter.drawText(scale, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, entry.high)
        facts = QRectF(bar.left(), scale.bottom(), bar.width(), self._facts_height(entry))
        painter.drawText(facts, Qt.TextFlag.TextWordWrap, _together(entry.facts))
        return facts.bottom()

    def _paint_foot(self, painter: QPainter, box: QRectF, y: float) -> None:
        em = float(em_px())
        for pattern, words in self._samples():
            patch = QRectF(box.left(), y + em * 0.25, em * 1.4, em * 0.8)
            painter.fillRect(patch, QBrush(_TEXT, pattern))
            painter.setPen(QPen(_DIM, 1))
            painter.drawRect(patch)
            painter.setPen(_TEXT)
            painter.drawText(QRectF(patch.right() + em * 0.4, y, box.width(), em * 1.3), 0, words)
            y += em * 1.3
        painter.drawText(QRectF(box.left(), y, box.width(), em * 1.3), 0, NOT_A_DIAGNOSIS)


def _together(text: str) -> str:
    """Numbers stay on the line of their unit, and units whole."""
    return text.replace(" µm/px", "\u00a0µm\u2060/\u2060px")
