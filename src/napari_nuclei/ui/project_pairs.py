"""What a project folder has: listed, opened and deleted in a worker, as it may be far away."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal

from napari_nuclei.pipeline.prediction import Progress
from napari_nuclei.pipeline.project_folder import list_writable
from napari_nuclei.pipeline.projects import Project
from napari_nuclei.ui.corrections import corrections_of
from napari_nuclei.ui.jobs import Job

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_nuclei.pipeline.projects import Pair
    from napari_nuclei.ui.layer_pair import LayerPair

_WAIT_MS = 300


class ProjectPairs(QObject):
    """Follows one folder; `listed` tells that `names` and `problem` are those of the folder.

    `is_known` tells whether the folder was looked at, and can be used.

    `recognised` tells that pairs of open layers have the names now that their images have there.
    `opened` brings the name of a pair, and the layers of its image and its labels, which know what
    was checked.
    """

    listed = Signal()
    recognised = Signal()
    opened = Signal(str, object, object)
    failed = Signal(object)

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._folder: Path | None = None
        self.names: tuple[str, ...] = ()
        self.problem = ""
        self.is_known = False
        self._waiting: tuple[LayerPair, ...] = ()
        self.recogniser = Job(self)
        self.lister = Job(self)
        self.worker = Job(self)
        # Somebody may be typing.
        self._timer = QTimer(self, singleShot=True, interval=_WAIT_MS)
        self._timer.timeout.connect(self._list)
        self.recogniser.succeeded.connect(self.recognised)
        self.recogniser.failed.connect(self.failed)
        self.recogniser.ended.connect(self._recognise)
        self.lister.succeeded.connect(partial(self._on_listed, problem=""))
        self.lister.failed.connect(lambda error: self._on_listed((), str(error)))
        self.worker.succeeded.connect(self._on_worked)
        self.worker.failed.connect(self.failed)
        self.worker.ended.connect(self.refresh)

    def follow(self, folder: Path | None) -> None:
        """List what the folder has, soon."""
        self._folder = folder
        self.names = ()
        self.is_known = False
        self.problem = "" if folder else "Choose a project folder: corrections are kept there."
        self.refresh()
        self.listed.emit()

    def refresh(self) -> None:
        """List what the folder has by now."""
        self._timer.start()

    def open(self, name: str) -> None:
        """Add the image and the labels of a pair as layers."""
        self._work(lambda project: project.read(name))

    def delete(self, name: str) -> None:
        """Remove a pair from the project."""
        self._work(lambda project: project.remove(name))

    def recognise(self, pairs: Iterable[LayerPair]) -> None:
        """Give pairs whose images the folder has under other names those names."""
        self._waiting = tuple(pair for pair in pairs if pair.name not in self.names)
        self._recognise()

    def stop(self) -> None:
        """Look into the folder no more until `refresh`: it is being written, or nobody asks."""
        self._timer.stop()
        self._waiting = ()
        self.recogniser.cancel()
        self.lister.cancel()
        self.worker.cancel()

    def _recognise(self) -> None:
        if self._waiting and self.names and self._folder and not self.recogniser.running:
            pairs, self._waiting = self._waiting, ()
            self.recogniser.start(_recognise_steps(pairs, Project(self._folder)))

    def _work(self, work: Callable[[Project], object]) -> None:
        if self._folder is not None and not self.worker.running:
            self.worker.start(_steps(work, Project(self._folder)))

    def _list(self) -> None:
        if self.lister.running:
            self._timer.start()
        elif self._folder is not None:
            self.lister.start(_steps(list_writable, Project(self._folder)))

    def _on_listed(self, names: tuple[str, ...], problem: str) -> None:
        # Another folder may have been typed meanwhile.
        if not self._timer.isActive():
            self.names, self.problem, self.is_known = names, problem, not problem
            self.listed.emit()

    def _on_worked(self, pair: Pair | None) -> None:
        if pair is None:
            return
        rgb = pair.image.ndim == 3
        image = self._viewer.add_image(pair.image, name=pair.name, rgb=rgb)
        labels = self._viewer.add_labels(pair.labels, name=f"{pair.name} labels")
        everywhere = np.ones(pair.labels.shape, bool)
        corrections_of(labels).remember(everywhere if pair.checked is None else pair.checked)
        self.opened.emit(pair.name, image, labels)


def _recognise_steps(
    pairs: tuple[LayerPair, ...], project: Project
) -> Generator[Progress, None, None]:
    for pair in pairs:
        yield Progress(0, 0)
        known = project.find(pair.read_image(), pair.name)
        if known is not None:
            pair.call(known)


def _steps(work: Callable[[Project], Any], project: Project) -> Generator[Progress, None, Any]:
    yield Progress(0, 0)
    return work(project)
