"""The course of a training: losses above, held-out scores below, in the colours of the theme."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyqtgraph
from napari.utils.theme import get_theme
from qtpy.QtCore import Qt

if TYPE_CHECKING:
    from pyqtgraph import PlotDataItem, PlotItem
    from qtpy.QtWidgets import QWidget

    from napari_nuclei.pipeline.before_after import Figures

_HEIGHT_PX = 270
_AXIS_PX = 44
_TICKS = 8
# Told apart by people who see no red or no green, and readable on black and on white.
_ORANGE, _BLUE = "#de8f05", "#0191d2"
_LOSSES = {"training": _ORANGE, "held-out": _BLUE}
_SCORES = {"held-out AP50": _ORANGE, "held-out mean AP": _BLUE}


class TrainCurve(pyqtgraph.GraphicsLayoutWidget):
    """Two plots over the epochs; dashed is the base model's score."""

    def __init__(self, theme: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(_HEIGHT_PX)
        self._plots = [self._add_plot("loss", _LOSSES), self._add_plot("score", _SCORES)]
        self._plots[0].getAxis("bottom").setStyle(showValues=False)
        self._plots[1].setLabel("bottom", "epoch (dashed: base model)")
        self._plots[1].setXLink(self._plots[0])
        self._plots[1].setYRange(0, 1, padding=0.02)
        self._curves = [
            _add_curve(plot, colour)
            for plot, looks in zip(self._plots, (_LOSSES, _SCORES), strict=True)
            for colour in looks.values()
        ]
        self._lines = [self._add_line(colour) for colour in _SCORES.values()]
        self._points: list[tuple[float, ...]] = []
        self.set_theme(theme)

    @property
    def points(self) -> tuple[tuple[float, ...], ...]:
        """Epoch, loss, held-out loss, AP50 and mean AP of each epoch shown."""
        return tuple(self._points)

    def begin(self, before: Figures, epochs: int) -> None:
        """Show an empty course of so many epochs, and the scores of the base model."""
        self._points = []
        for curve in self._curves:
            curve.setData([], [])
        for line, value in zip(self._lines, (before.ap50, before.mean_ap), strict=True):
            line.setValue(value)
        self._plots[0].setXRange(0.5, epochs + 0.5, padding=0)
        step = -(-epochs // _TICKS)
        ticks = [(epoch, str(epoch)) for epoch in range(step, epochs + 1, step)]
        for plot in self._plots:
            plot.getAxis("bottom").setTicks([ticks])

    def add(self, epoch: int, loss: float, val_loss: float, held_out: Figures) -> None:
        """Show one more epoch."""
        self._points.append((epoch, loss, val_loss, held_out.ap50, held_out.mean_ap))
        epochs, *courses = zip(*self._points, strict=True)
        for curve, course in zip(self._curves, courses, strict=True):
            curve.setData(epochs, course)

    def set_theme(self, name: str) -> None:
        """Take the colours of a theme of napari."""
        theme = get_theme(name)
        self.setBackground(theme.background.as_rgb_tuple())
        text = pyqtgraph.mkPen(theme.text.as_rgb_tuple())
        for plot in self._plots:
            for side in ("left", "bottom"):
                plot.getAxis(side).setPen(text)
                plot.getAxis(side).setTextPen(text)

    def _add_plot(self, what: str, looks: dict[str, str]) -> PlotItem:
        plot = self.addPlot(row=self.ci.layout.rowCount(), col=0)
        plot.setLabel("left", what)
        plot.getAxis("left").setWidth(_AXIS_PX)
        plot.getAxis("left").enableAutoSIPrefix(False)
        # Above the plot: a legend within it would hide a curve.
        legend = (
            f'<span style="color: {colour}">● {name}</span>' for name, colour in looks.items()
        )
        plot.setTitle(" &nbsp; ".join(legend), size="9pt")
        plot.setMouseEnabled(x=False, y=False)
        plot.hideButtons()
        plot.setMenuEnabled(False)
        plot.showGrid(y=True, alpha=0.2)
        return plot

    def _add_line(self, colour: str) -> pyqtgraph.InfiniteLine:
        pen = pyqtgraph.mkPen(colour, style=Qt.PenStyle.DashLine)
        line = pyqtgraph.InfiniteLine(0, angle=0, pen=pen)
        self._plots[1].addItem(line)
        return line


def _add_curve(plot: PlotItem, colour: str) -> PlotDataItem:
    look = {"symbol": "o", "symbolSize": 5, "symbolBrush": colour, "symbolPen": None}
    return plot.plot(pen=pyqtgraph.mkPen(colour, width=2), **look)
