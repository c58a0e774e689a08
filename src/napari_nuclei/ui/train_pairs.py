"""The list of what is learnt from: pairs of open layers, and those that the project has already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations, count
from typing import TYPE_CHECKING, NamedTuple

from qtpy.QtCore import QSize, Qt, QTimer, Signal
from qtpy.QtGui import QIcon, QImage, QPixmap
from qtpy.QtWidgets import (
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_nuclei.ui.corrections import corrections_of

if TYPE_CHECKING:
    from napari.components import LayerList
    from napari.layers import Image

    from napari_nuclei.ui.layer_pair import LayerPair

_ICON_PX = 36
_VISIBLE_ROWS = 3
_WAIT_MS = 100
_CONTENT = Qt.ItemDataRole.UserRole


class _Counts(NamedTuple):
    corrected: int
    accepted: int
    is_any: bool


class TrainPairs(QWidget):
    """Rows with thumbnail, name and counts that follow the corrections.

    `changed` tells that there are other pairs, or other counts. `open_clicked` and
    `delete_clicked` ask for a pair of the project, by its name.
    """

    changed = Signal()
    open_clicked = Signal(str)
    delete_clicked = Signal(str)

    def __init__(self, layers: LayerList, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layers = layers
        # The counts belong to the pairs: it takes time to find them.
        self._pairs: list[LayerPair] = []
        self._counts: list[_Counts] = []
        self._saved: tuple[str, ...] = ()
        self.rows = QListWidget()
        self.open = QPushButton("Open")
        self.open.setToolTip("Open an image of the project and its labels as layers")
        self.remove = QPushButton("Remove")
        self.remove.setToolTip("Take the selected pair off the list, or out of the project")
        # Each stroke of the brush tells of itself.
        self._timer = QTimer(self, singleShot=True, interval=_WAIT_MS)
        self._lay_out()
        self._connect()
        self._fill()

    @property
    def pairs(self) -> tuple[LayerPair, ...]:
        """The pairs of open layers."""
        return tuple(self._pairs)

    @property
    def selected(self) -> LayerPair | None:
        """The selected pair of open layers, or else the first one."""
        content = self._content()
        return content if content in self._pairs else next(iter(self._pairs), None)

    @property
    def n_checked(self) -> int:
        """Nuclei of open layers that were corrected or accepted."""
        return sum(one.corrected + one.accepted for one in self._counts)

    @property
    def learnt(self) -> tuple[LayerPair, ...]:
        """The pairs of open layers in which anything was checked: only those are learnt from."""
        rows = zip(self._pairs, self._counts, strict=True)
        return tuple(pair for pair, counts in rows if counts.is_any)

    @property
    def refusal(self) -> str:
        """Why nothing can be learnt from these pairs as they are; empty if it can."""
        for one, two in combinations(self.learnt, 2):
            if one.overlaps_in_part(two):
                return (
                    f"{one.labels.name} and {two.labels.name} share pixels: some would be learnt "
                    "from and scored, too. Take one of them off the list, and out of the project "
                    "if it is saved there."
                )
        return ""

    def add(self, pair: LayerPair) -> None:
        """Add a pair in the place of one of the same labels, under a name of its own."""
        self._drop([known for known in self._pairs if known.labels is pair.labels])
        name = self._free_name(pair)
        if name != pair.name:
            pair.call(name)
        self._pairs.append(pair)
        corrections_of(pair.labels).changed.connect(self._on_corrections)
        self._fill()

    def show_saved(self, names: Sequence[str]) -> None:
        """Show what the project has."""
        self._saved = tuple(names)
        self._fill()

    def stop(self) -> None:
        """Follow no layer any more: the widget goes away."""
        self._timer.stop()
        self._drop(list(self._pairs))
        self._layers.events.removed.disconnect(self._on_removed)

    def _lay_out(self) -> None:
        self.rows.setIconSize(QSize(_ICON_PX, _ICON_PX))
        self.rows.setFixedHeight(_VISIBLE_ROWS * (_ICON_PX + 8))
        self.rows.setToolTip("What the model learns from")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.rows)
        row = QHBoxLayout()
        row.addWidget(self.open)
        row.addWidget(self.remove)
        layout.addLayout(row)

    def _connect(self) -> None:
        self.rows.currentItemChanged.connect(self._on_selected)
        self.open.clicked.connect(lambda: self.open_clicked.emit(self._content()))
        self.remove.clicked.connect(self._on_remove)
        self._timer.timeout.connect(self._on_counts)
        self._layers.events.removed.connect(self._on_removed)

    def _content(self) -> LayerPair | str | None:
        item = self.rows.currentItem()
        return None if item is None else item.data(_CONTENT)

    def _on_selected(self) -> None:
        content = self._content()
        self.remove.setEnabled(content is not None)
        self.open.setEnabled(isinstance(content, str))

    def _on_remove(self) -> None:
        content = self._content()
        if isinstance(content, str):
            self.delete_clicked.emit(content)
        elif content is not None:
            self._drop([content])
            self._fill()

    def _on_removed(self, event: object = None) -> None:
        gone = [p for p in self._pairs if not {p.image, p.labels} <= set(self._layers)]
        if gone:
            self._drop(gone)
            self._fill()

    def _free_name(self, pair: LayerPair) -> str:
        """Return a name that no other image of the list has; one image has one in all its pairs."""
        taken = {known.name for known in self._pairs if not known.has_same_image(pair)}
        numbered = (f"{pair.name} {number}" for number in count(2))
        return pair.name if pair.name not in taken else next(n for n in numbered if n not in taken)

    def _drop(self, pairs: list[LayerPair]) -> None:
        for pair in pairs:
            corrections_of(pair.labels).changed.disconnect(self._on_corrections)
            self._pairs.remove(pair)

    def _fill(self) -> None:
        """Show all rows anew and keep the selection."""
        before = self._content()
        self.rows.clear()
        self._count()
        for pair, text in zip(self._pairs, self._texts(), strict=True):
            self._add_row(pair, text, _thumbnail(pair.image))
        mine = {pair.name for pair in self._pairs}
        for name in self._saved:
            if name not in mine:
                self._add_row(name, f"{name}\nsaved in the project", QIcon())
        contents = [self.rows.item(row).data(_CONTENT) for row in range(self.rows.count())]
        self.rows.setCurrentRow(contents.index(before) if before in contents else 0)
        self._on_selected()
        self.changed.emit()

    def _add_row(self, content: LayerPair | str, text: str, icon: QIcon) -> None:
        item = QListWidgetItem(icon, text)
        item.setData(_CONTENT, content)
        item.setToolTip(text)
        self.rows.addItem(item)

    def _on_corrections(self) -> None:
        self._timer.start()

    def _on_counts(self) -> None:
        self._count()
        for row, text in enumerate(self._texts()):
            self.rows.item(row).setText(text)
        self.changed.emit()

    def _count(self) -> None:
        found = [corrections_of(pair.labels) for pair in self._pairs]
        self._counts = [_Counts(one.n_corrected, one.n_accepted, one.is_any) for one in found]

    def _texts(self) -> list[str]:
        """Return what the rows say; of labels of one image also which labels they are."""
        shared = Counter(pair.name for pair in self._pairs)
        names = [
            f"{pair.name} ({pair.labels.name})" if shared[pair.name] > 1 else pair.name
            for pair in self._pairs
        ]
        rows = zip(names, self._counts, strict=True)
        return [f"{name}\n{_describe(counts)}" for name, counts in rows]


def _describe(counts: _Counts) -> str:
    words = f"{counts.corrected} corrected, {counts.accepted} accepted"
    if not counts.is_any:
        return f"{words}: not learnt from yet"
    return words if counts.corrected + counts.accepted else f"{words}: only background is checked"


def _thumbnail(image: Image) -> QIcon:
    """Return napari's own thumbnail of a layer."""
    pixels = image.thumbnail
    height, width = pixels.shape[:2]
    picture = QImage(pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888)
    pixmap = QPixmap.fromImage(picture)
    icon = QIcon(pixmap)
    # Else it is tinted when its row is selected.
    icon.addPixmap(pixmap, QIcon.Mode.Selected)
    return icon
