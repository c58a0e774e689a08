"""One image of a data set with its nuclei: read on demand, verified every time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_nuclei.errors import DatasetError
from napari_nuclei.pipeline.datasets.decoding import read_image, read_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_nuclei.pipeline.datasets.labels import LabelReader
    from napari_nuclei.pipeline.datasets.storage import StoredFile


@dataclass(frozen=True)
class Item:
    """An image and the files that hold its nuclei.

    Attributes
    ----------
    id : str
        Unique in the data set: the file's stem, after ``train/`` or ``test/`` in the course layout.
    shape : tuple of int
        (Y, X) in pixels, the same for the image and all its label files.
    image : StoredFile
        The picture.
    label_files : tuple of StoredFile
        Its masks or its label image, at least one file.
    label_reader : callable
        Turns the label files into one label image.
    group : str
        ``"train"`` or ``"test"`` in the course layout, else empty.
    kind : str
        What sort of image it is, as a splits file says; ``"image"`` where nobody said.
    """

    id: str
    shape: tuple[int, int]
    image: StoredFile
    label_files: tuple[StoredFile, ...]
    label_reader: LabelReader
    group: str = ""
    kind: str = "image"

    def read_image(self) -> NDArray[Any]:
        """Return the picture, (Y, X) or (Y, X, 3), in its own type (uint8 or uint16 as a rule).

        Raises
        ------
        DatasetError
            The file is damaged, or has changed its size since the data set was opened.
        """
        return self._checked(read_image(self.image), self.image)

    def read_labels(self) -> NDArray[np.int32]:
        """Return the nuclei as a label image, (Y, X) int32, 0 for background.

        Raises
        ------
        DatasetError
            A label file is damaged, has changed its size, or has values that it must not have.
        """
        labels = self.label_reader(self.label_files)
        self._checked(labels, self.label_files[0])
        return labels

    def _checked(self, pixels: NDArray[Any], file: StoredFile) -> NDArray[Any]:
        if pixels.shape[:2] != self.shape:
            raise DatasetError(
                f"{file} now has {_size(pixels.shape)} pixels instead of {_size(self.shape)}; open "
                "the data set again."
            )
        return pixels


def make_item(
    name: str,
    image: StoredFile,
    label_files: Sequence[StoredFile],
    label_reader: LabelReader,
    group: str = "",
) -> Item:
    """Return an item after comparing the sizes that its files' headers declare.

    Raises
    ------
    DatasetError
        A file is unreadable, or of another size than the image.
    """
    shape = read_shape(image)
    for file in label_files:
        found = read_shape(file)
        if found != shape:
            raise DatasetError(
                f"{file} has {_size(found)} pixels where its image has {_size(shape)} (Y x X); "
                "replace one of the two."
            )
    return Item(name, shape, image, tuple(label_files), label_reader, group)


def _size(shape: Sequence[int]) -> str:
    return f"{shape[0]} x {shape[1]}"
