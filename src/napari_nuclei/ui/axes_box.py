"""How the widget reads the axes of an image, in words, and what a person can change of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject, Qt, Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QLabel, QSpinBox, QWidget

from napari_nuclei.core.axes import AxisReading
from napari_nuclei.ui.geometry import world_to_pixels
from napari_nuclei.ui.layers import read_layer
from napari_nuclei.ui.planes import Scope

if TYPE_CHECKING:
    from napari.components import Dims
    from napari.layers import Image

_NO_IMAGE = AxisReading((0, 0), ("", ""))
_MINIMUM_CHARACTERS = 12


class AxesBox(QObject):
    """Rows for a form: axes in words, channel axis, channel, what to segment, links.

    Rows that offer no choice for the image are hidden.
    """

    changed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._layer: Image | None = None
        self._reading = _NO_IMAGE
        self._shown: tuple[int, ...] = ()
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.channel_axis = _combo("The axis that holds channels; one of them is segmented")
        self.channel = _channel_box()
        self.scope = _combo(
            "What is segmented. Labels of a part of the image are a layer of that part's size;\n"
            "those of all planes have an id of its own for each nucleus."
        )
        self.links = _combo(
            "Give a nucleus the same id in each plane along this axis:\n"
            "nuclei of neighbouring planes are linked\n"
            "that share at least a quarter of their joint area."
        )
        self._rows: list[tuple[QLabel, QWidget]] = []
        self.channel_axis.currentIndexChanged.connect(self._on_channel_axis)
        self.channel.valueChanged.connect(self._on_channel)
        self.scope.currentIndexChanged.connect(self._on_scope)
        self.links.currentIndexChanged.connect(self.changed)

    @property
    def reading(self) -> AxisReading:
        """How the image is read; without pixels when there is no image."""
        return self._reading

    @property
    def chosen_scope(self) -> Scope:
        """What is to be segmented."""
        return self.scope.currentData() or Scope.PLANE

    @property
    def link_axis(self) -> int | None:
        """Along which of the plane axes nuclei are linked; None: along none."""
        return self.links.currentData() if self.chosen_scope is Scope.ALL else None

    def insert_into(self, form: QFormLayout, row: int) -> None:
        """Put the rows into a form, from `row` on."""
        titles = {
            "Axes": self.words,
            "Channel axis": self.channel_axis,
            "Channel": self.channel,
            "Segment": self.scope,
            "Link planes": self.links,
        }
        for offset, (title, widget) in enumerate(titles.items()):
            form.insertRow(row + offset, title, widget)
            self._rows.append((form.labelForField(widget), widget))
        self._show()

    def follow(self, layer: Image | None, dims: Dims) -> None:
        """Read another layer, or the same one when its axes have changed.

        What was chosen stays as long as the axes are the same but for their lengths.
        """
        reading, old = _NO_IMAGE if layer is None else read_layer(layer), self._reading
        is_same_layer = layer is self._layer
        if is_same_layer and (reading.shape, *_kind(reading)) == (old.shape, *_kind(old)):
            return
        self._layer = layer
        self._shown = _shown_pixel(layer, reading, dims)
        if is_same_layer and _kind(reading) == _kind(old):
            self._reading = _with_channel_of(old, reading)
            self._fill(self.links.currentData())
        else:
            self._reading = with_shown_channel(reading, layer, dims)
            self._fill()

    def follow_slider(self, dims: Dims) -> None:
        """Take the channel that the viewer shows, when a slider has changed it.

        Other sliders leave the choice alone: a channel may be chosen that is not shown.
        """
        before, self._shown = self._shown, _shown_pixel(self._layer, self._reading, dims)
        axis = self._reading.channel_axis
        if axis is not None and before and self._shown[axis] != before[axis]:
            self.channel.setValue(self._shown[axis] + 1)

    def _fill(self, link: int | None = None) -> None:
        boxes = (self.channel_axis, self.channel, self.scope, self.links)
        for box in boxes:
            box.blockSignals(True)
        before = self.scope.currentData()
        for combo in (self.channel_axis, self.scope, self.links):
            combo.clear()
        self._fill_channels(self._reading)
        self._fill_planes(self._reading)
        self.scope.setCurrentIndex(max(0, self.scope.findData(before)))
        self.links.setCurrentIndex(max(0, self.links.findData(link)))
        for box in boxes:
            box.blockSignals(False)
        self._show()
        self.changed.emit()

    def _fill_channels(self, reading: AxisReading) -> None:
        self.channel_axis.addItem("none", None)
        for axis, length in enumerate(reading.shape):
            self.channel_axis.addItem(f"{reading.title(axis)} ({length})", axis)
        if reading.channel_axis is not None:
            self.channel_axis.setCurrentIndex(reading.channel_axis + 1)
            self.channel.setRange(1, reading.shape[reading.channel_axis])
            self.channel.setSuffix(f" of {reading.shape[reading.channel_axis]}")
            self.channel.setValue(reading.channel + 1)

    def _fill_planes(self, reading: AxisReading) -> None:
        has_planes = bool(reading.plane_axes)
        for scope in Scope:
            if scope is Scope.PLANE and not has_planes:
                self.scope.addItem("Whole image", scope)
            elif scope is not Scope.ALL or has_planes:
                self.scope.addItem(scope.value, scope)
        self.links.addItem("no: ids of their own", None)
        for number, axis in enumerate(reading.plane_axes):
            self.links.addItem(f"along {reading.title(axis)}", number)

    def _on_channel_axis(self) -> None:
        axis = self.channel_axis.currentData()
        self._reading = replace(self._reading, channel_axis=axis, channel=0)
        self._fill()

    def _on_channel(self, channel: int) -> None:
        self._reading = replace(self._reading, channel=channel - 1)
        self._show()
        self.changed.emit()

    def _on_scope(self) -> None:
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        reading, is_image = self._reading, self._layer is not None
        self.words.setText(reading.in_words())
        shown = {
            self.words: is_image,
            self.channel_axis: is_image and len(reading.shape) > 2,
            self.channel: reading.channel_axis is not None,
            self.scope: is_image,
            self.links: self.chosen_scope is Scope.ALL,
        }
        for label, widget in self._rows:
            label.setVisible(shown[widget])
            widget.setVisible(shown[widget])


def _kind(reading: AxisReading) -> tuple[tuple[str, ...], bool]:
    """Return what the axes are, without their lengths and what a person may have chosen."""
    return reading.names, reading.rgb


def _with_channel_of(old: AxisReading, new: AxisReading) -> AxisReading:
    """Return the new reading with the channel of the old one, or the last that there is."""
    axis = old.channel_axis
    channel = 0 if axis is None else min(old.channel, new.shape[axis] - 1)
    return replace(new, channel_axis=axis, channel=channel)


def with_shown_channel(reading: AxisReading, layer: Image | None, dims: Dims) -> AxisReading:
    """Return the reading with the channel that is on screen."""
    axis = reading.channel_axis
    if layer is None or axis is None:
        return reading
    return replace(reading, channel=_shown_pixel(layer, reading, dims)[axis])


def _shown_pixel(layer: Image | None, reading: AxisReading, dims: Dims) -> tuple[int, ...]:
    """Return where in the image the sliders stand; empty without an image."""
    if layer is None:
        return ()
    (position,) = world_to_pixels(layer, [dims.point], dims.units)
    last = np.subtract(reading.shape, 1)
    return tuple(np.clip(np.round(position), 0, last).astype(int).tolist())


def _combo(tool_tip: str) -> QComboBox:
    combo = QComboBox()
    combo.setSizeAdjustPolicy(combo.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(_MINIMUM_CHARACTERS)
    combo.setToolTip(tool_tip)
    return combo


def _channel_box() -> QSpinBox:
    box = QSpinBox()
    box.setMinimum(1)
    box.setAlignment(Qt.AlignmentFlag.AlignCenter)
    box.setToolTip("The channel that is segmented; moving the viewer's slider chooses it, too")
    return box
