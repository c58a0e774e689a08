"""What is seen of a training while it runs: its curve, and what the network finds by now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_nuclei.pipeline import runs
from napari_nuclei.pipeline.before_after import Figures
from napari_nuclei.ui.preview import Preview
from napari_nuclei.ui.train_curve import TrainCurve

if TYPE_CHECKING:
    from napari_nuclei.pipeline.messages import EpochEnded, Started


class TrainCourse(QWidget):
    """A curve and a picture; hidden before there is something to be seen.

    `appeared` brings the part that is seen now and was not before.

    Parameters
    ----------
    theme : str
        Name of a theme of napari, for the curve.
    """

    appeared = Signal(object)

    def __init__(self, theme: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.curve = TrainCurve(theme)
        self.preview = Preview()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.curve)
        layout.addWidget(self.preview)
        self.hide()

    def clear(self) -> None:
        """Show nothing: another training begins."""
        self.preview.hide()
        self.hide()

    def begin(self, started: Started, folder: Path) -> None:
        """Show the curve, with the epochs that earlier sessions have left in the run folder."""
        self.curve.begin(started.before, started.epochs)
        self.show()
        self.appeared.emit(self.curve)
        if started.done:
            # The child may have ended more of them meanwhile, of which its messages will tell.
            earlier = runs.Run(folder, {}).history.epochs[: started.done]
            for number, row in enumerate(earlier, start=1):
                figures = Figures(row["mean_ap"], row["ap50"], started.before.nuclei)
                self.curve.add(number, row["loss"], row["val_loss"], figures)

    def add(self, epoch: EpochEnded) -> None:
        """Show one more epoch."""
        self.curve.add(epoch.number, epoch.loss, epoch.val_loss, epoch.held_out)
        is_first = self.preview.isHidden()
        self.preview.show_file(epoch.preview)
        if is_first:
            # Once: afterwards somebody may look at something else.
            self.appeared.emit(self.preview)
