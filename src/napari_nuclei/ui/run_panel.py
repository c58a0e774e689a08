"""Run button, progress bar and status line of a widget that starts long work."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_nuclei.pipeline.resources import duration_in_words

if TYPE_CHECKING:
    from napari_nuclei.ui.jobs import Progress

_EXACT_S = 90


@dataclass(frozen=True)
class Words:
    """What the button says: when it can be pressed, during the work, and once that is to end."""

    run: str = "Run"
    cancel: str = "Cancel"
    cancelling: str = "Cancelling…"


class RunPanel(QWidget):
    """A button that is Run or Cancel, and in one line what happens or why it cannot."""

    run_clicked = Signal()
    cancel_clicked = Signal()

    def __init__(self, parent: QWidget | None = None, words: Words | None = None) -> None:
        super().__init__(parent)
        self._words = words or Words()
        self._busy = False
        self._started_s = 0.0
        self._clock = (0.0, 0)
        self.button = QPushButton(self._words.run)
        self.bar = QProgressBar()
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.button.clicked.connect(self._on_clicked)
        self._lay_out()

    @property
    def elapsed_s(self) -> float:
        """Seconds since `start`."""
        return monotonic() - self._started_s

    def show_idle(self, message: str, *, can_run: bool) -> None:
        """Show Run, enabled or not, and `message`."""
        self._busy = False
        self.button.setText(self._words.run)
        self.button.setEnabled(can_run)
        self.bar.hide()
        self.status.setText(message)

    def start(self, message: str) -> None:
        """Show Cancel, `message`, and a progress bar that does not know the end yet."""
        self._busy = True
        self._started_s = monotonic()
        self.button.setText(self._words.cancel)
        self.bar.setRange(0, 0)
        self.bar.show()
        self.status.setText(message)

    def show_progress(self, progress: Progress, unit: str, each_s: float | None = None) -> None:
        """Show how many of the units are done and how long the others will take.

        `each_s` is how long one takes, where that is known better than from the clock.
        """
        if not self.button.isEnabled() or progress.total == 0:
            return
        if self.bar.maximum() == 0:
            # What came before the first unit, such as loading the model, does not come again.
            self._clock = (monotonic(), progress.done)
        self.bar.setRange(0, progress.total)
        self.bar.setValue(progress.done)
        self.status.setText(
            f"{progress.done} of {progress.total} {unit}{self._time_left(progress, each_s)}"
        )

    def _time_left(self, progress: Progress, each_s: float | None) -> str:
        since_s, first = self._clock
        done = progress.done - first
        if done == 0:
            return ""
        each_s = (monotonic() - since_s) / done if each_s is None else each_s
        left_s = each_s * (progress.total - progress.done)
        words = f"{left_s:.0f} s" if left_s < _EXACT_S else duration_in_words(left_s)
        return f", {words} left"

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        # The bar comes last: nothing moves when it appears.
        for widget in (self.button, self.status, self.bar):
            layout.addWidget(widget)

    def _on_clicked(self) -> None:
        if self._busy:
            self.button.setEnabled(False)
            self.button.setText(self._words.cancelling)
            self.cancel_clicked.emit()
        else:
            self.run_clicked.emit()
