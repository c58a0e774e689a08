"""A picture in the width that there is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import imageio.v3 as iio
import numpy as np

from napari_nuclei.ui.preview import Preview

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


def test_a_picture_keeps_its_proportions(qtbot: QtBot, tmp_path: Path) -> None:
    iio.imwrite(tmp_path / "wide.png", np.zeros((20, 60, 3), np.uint8))
    preview = Preview()
    qtbot.addWidget(preview)
    preview.resize(300, 10)
    preview.show_file(str(tmp_path / "wide.png"))
    assert (preview.height(), preview.pixmap().width()) == (100, 300)
    preview.resize(150, 100)
    assert preview.height() == 50


def test_without_a_readable_file_nothing_is_shown(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_text("no picture")
    preview = Preview()
    qtbot.addWidget(preview)
    preview.show_file(str(tmp_path / "bad.png"))
    assert preview.isHidden()
