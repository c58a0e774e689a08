"""Find cell nuclei with a small pretrained network, offline and on a laptop CPU.

The names below are imported at their first use: ``import napari_nuclei`` loads neither
TensorFlow nor Qt.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_nuclei.model.store import load_model
    from napari_nuclei.pipeline.blocks import BlockSegmentation, segment_blocks
    from napari_nuclei.pipeline.evaluate import evaluate
    from napari_nuclei.pipeline.finetune import finetune
    from napari_nuclei.pipeline.projects import Pair, Project
    from napari_nuclei.pipeline.reading import read_image
    from napari_nuclei.pipeline.segment import Segmentation, SegmentOptions, segment
    from napari_nuclei.pipeline.stack import segment_planes
    from napari_nuclei.pipeline.training import train

    __version__: str

__all__ = [
    "BlockSegmentation",
    "Pair",
    "Project",
    "SegmentOptions",
    "Segmentation",
    "__version__",
    "evaluate",
    "finetune",
    "load_model",
    "read_image",
    "segment",
    "segment_blocks",
    "segment_planes",
    "train",
]

_HOME = {
    "BlockSegmentation": "napari_nuclei.pipeline.blocks",
    "Pair": "napari_nuclei.pipeline.projects",
    "Project": "napari_nuclei.pipeline.projects",
    "SegmentOptions": "napari_nuclei.pipeline.segment",
    "Segmentation": "napari_nuclei.pipeline.segment",
    "evaluate": "napari_nuclei.pipeline.evaluate",
    "finetune": "napari_nuclei.pipeline.finetune",
    "load_model": "napari_nuclei.model.store",
    "read_image": "napari_nuclei.pipeline.reading",
    "segment": "napari_nuclei.pipeline.segment",
    "segment_blocks": "napari_nuclei.pipeline.blocks",
    "segment_planes": "napari_nuclei.pipeline.stack",
    "train": "napari_nuclei.pipeline.training",
}


# Hidden from type checkers, so that they still report a misspelt name.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name == "__version__":
            value = _version()
        elif name in _HOME:
            value = getattr(import_module(_HOME[name]), name)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("napari-nuclei")
    except PackageNotFoundError:  # a source tree on sys.path that was never installed
        return "0+unknown"
