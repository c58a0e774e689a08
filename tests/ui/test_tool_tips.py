"""Whatever can be pressed, chosen or typed into says what it is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QWidget,
)

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from conftest import FakeModel

CONTROLS = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
)


def shown_tip(control: QWidget, dock: QWidget) -> str:
    """Return what Qt shows: the tip of the control, or of what it is a part of."""
    part = control
    while not part.toolTip() and part is not dock:
        part = part.parentWidget()
    return part.toolTip()


@pytest.mark.parametrize("name", ["Segment nuclei", "Batch"])
def test_every_control_has_a_tool_tip(name: str, viewer: Viewer, model: FakeModel) -> None:
    _, dock = viewer.window.add_plugin_dock_widget("napari-nuclei", name)
    controls = [one for one in dock.findChildren(QWidget) if isinstance(one, CONTROLS)]
    assert len(controls) > 15
    silent = [type(one).__name__ for one in controls if not shown_tip(one, dock)]
    assert silent == []
