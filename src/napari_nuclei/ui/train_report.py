"""What a training gained and what it cost, and whether its model is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from napari_nuclei.pipeline.before_after import BeforeAfter, Report

_SCORES = {"mean AP": "mean_ap", "AP50": "ap50"}


class ReportPanel(QWidget):
    """Scores before and after, a verdict in words, and buttons; hidden without a report."""

    compare_clicked = Signal()
    keep_clicked = Signal()
    discard_clicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = QLabel()
        self.verdict = QLabel()
        self.verdict.setWordWrap(True)
        self.compare = QPushButton("Show what changed")
        self.compare.setToolTip(
            "Segment the selected pair with the old and the new model: nuclei that only the old "
            "one finds are magenta, those that only the new one finds green"
        )
        self.keep = QPushButton("Keep")
        self.discard = QPushButton("Discard…")
        self.discard.setToolTip("Delete the model; the corrections stay in the project")
        self._grid = QGridLayout()
        self._lay_out()
        self._connect()
        self.hide()

    def show_report(self, name: str, report: Report) -> None:
        """Show the result of a training."""
        self.title.setText(name)
        self.verdict.setText(report.verdict)
        self.keep.setText("Keep" if report.is_better else "Keep anyway")
        self.keep.setToolTip(f"Add {name} to your models, in Segment and Batch, too")
        self._fill(
            {
                f"{report.held_out.before.nuclei} held-out nuclei": report.held_out,
                "bundled sample": report.base_domain,
            }
        )
        self.show()

    def set_busy(self, is_busy: bool) -> None:
        """Let the buttons be pressed, or not while one of them works."""
        for button in (self.compare, self.keep, self.discard):
            button.setDisabled(is_busy)

    def _lay_out(self) -> None:
        font = self.title.font()
        font.setBold(True)
        for label in (self.title, self.verdict):
            label.setFont(font)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.title)
        layout.addLayout(self._grid)
        layout.addWidget(self.verdict)
        layout.addWidget(self.compare)
        row = QHBoxLayout()
        row.addWidget(self.keep)
        row.addWidget(self.discard)
        layout.addLayout(row)

    def _connect(self) -> None:
        self.compare.clicked.connect(lambda: self.compare_clicked.emit())
        self.keep.clicked.connect(lambda: self.keep_clicked.emit())
        self.discard.clicked.connect(lambda: self.discard_clicked.emit())

    def _fill(self, parts: dict[str, BeforeAfter]) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            item.widget().deleteLater()
        for column, text in enumerate(("", "before", "after"), start=1):
            self._write(0, column, text)
        row = 1
        for part, scores in parts.items():
            self._write(row, 0, part)
            for name, field in _SCORES.items():
                self._write(row, 1, name)
                self._write(row, 2, f"{getattr(scores.before, field):.2f}")
                self._write(row, 3, f"{getattr(scores.after, field):.2f}")
                row += 1

    def _write(self, row: int, column: int, text: str) -> None:
        label = QLabel(text)
        side = Qt.AlignmentFlag.AlignLeft if column < 2 else Qt.AlignmentFlag.AlignRight
        label.setAlignment(side)
        self._grid.addWidget(label, row, column)
