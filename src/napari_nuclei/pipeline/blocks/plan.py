"""What is the same for all blocks of an image, found by looking at one part after the other."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import napari_nuclei
from napari_nuclei.core import images
from napari_nuclei.core.blocks import BlockGrid
from napari_nuclei.pipeline.blocks.files import BlockFolder, Place
from napari_nuclei.pipeline.blocks.images import LargeImage, PreparedPlane
from napari_nuclei.pipeline.planes import Index, common_diameter_steps, sampled_planes
from napari_nuclei.pipeline.prediction import Progress

if TYPE_CHECKING:
    from napari_nuclei.core.images import Limits, Sample
    from napari_nuclei.model.store import Model
    from napari_nuclei.pipeline.segment import SegmentOptions

BLOCK_PX = 2048
"""Side of a block: a multiple of `napari_nuclei.pipeline.blocks.ome_zarr.CHUNK_PX`, so that each
chunk of the result is written once."""

_MARGIN_DIAMETERS = 3
_LEAST_MARGIN_PX = 32


@dataclass(frozen=True)
class Plan:
    """All that the work on a block needs, small enough to be sent to other processes.

    Attributes
    ----------
    image : LargeImage
    folder : BlockFolder
        Where finished blocks go.
    options : SegmentOptions
        With the diameter and the thresholds that apply.
    limits : tuple of Limits
        Of each plane's scale.
    enlargement : float
        By which the image is resized for the network.
    margin_px : int
        How far beyond its core a block is looked at.
    block_px : int
        Side of a block.
    pixel_um : float or None
        Side of a pixel in micrometres, for the table; None: in pixels.
    model_folder : Path
    model_sha256 : str
        A worker refuses to work with another model.
    """

    image: LargeImage
    folder: BlockFolder
    options: SegmentOptions
    limits: tuple[Limits, ...]
    enlargement: float
    margin_px: int
    block_px: int
    pixel_um: float | None
    model_folder: Path
    model_sha256: str

    @property
    def grid(self) -> BlockGrid:
        """The blocks of each plane."""
        return BlockGrid(self.image.shape, self.block_px)

    @property
    def margins_px(self) -> tuple[int, ...]:
        """The margins that are tried, one after the other, until no nucleus is cut."""
        return self.margin_px, 2 * self.margin_px

    def places(self) -> Iterator[Place]:
        """Yield all blocks of all planes, in the order of their ids."""
        for index in np.ndindex(self.image.counts):
            for block in self.grid:
                yield Place(index, block)

    def prepared(self, index: Index) -> PreparedPlane:
        """Return a plane as the network wants it."""
        return _prepared(self.image, index, self.limits)


@dataclass(frozen=True)
class Scale:
    """The limits of each plane, and what tells this image from others.

    Attributes
    ----------
    limits : tuple of Limits
    sample_sha256 : str
        Of the pixels that were sampled.
    """

    limits: tuple[Limits, ...]
    sample_sha256: str


def scale_steps(image: LargeImage, block_px: int) -> Generator[Progress, None, Scale]:
    """Find the limits that a segmentation in memory would take, block by block.

    All pixels of the planes that count are read once, and few are kept.

    Raises
    ------
    InputError
        When the image cannot be used.
    """
    indices = list(np.ndindex(image.counts))
    digest = hashlib.sha256()
    samples = []
    for index in sampled_planes(image.counts):
        samples.append((yield from _sample_steps(image, index, block_px)))
        digest.update(samples[-1].values.tobytes())
    common = images.percentiles_of_sample(images.join_samples(samples))
    if common is not None:
        return Scale((common,) * len(indices), digest.hexdigest())
    limits = []
    for index in indices:
        sample = yield from _sample_steps(image, index, block_px)
        limits.append(images.limits_of_sample(sample))
    return Scale(tuple(limits), digest.hexdigest())


def diameter_steps(
    image: LargeImage, scale: Scale, model: Model, options: SegmentOptions
) -> Generator[Progress, None, float | None]:
    """Return the diameter that was chosen, or estimate it as a segmentation in memory does."""
    if options.diameter_px != "auto":
        return options.diameter_px

    def prepare(index: Index) -> PreparedPlane:
        return _prepared(image, index, scale.limits)

    return (yield from common_diameter_steps(image.counts, prepare, model, options))


def make_request(
    image: LargeImage,
    scale: Scale,
    model: Model,
    options: SegmentOptions,
    pixel_um: float | None,
    block_px: int,
) -> dict[str, Any]:
    """Return all that decides the result, as JSON values, the pixels by samples of some planes."""
    return {
        "image": {
            "shape": [*image.full_shape],
            "dtype": str(np.dtype(image.array.dtype)),
            "names": [*image.names],
            "scale": [*image.scale],
            "units": [*image.units],
            "translation": [*image.translation],
            "sample_sha256": scale.sample_sha256,
        },
        "model_sha256": model.sha256,
        "options": options.request(model.thresholds),
        "pixel_um": pixel_um,
        "block_px": block_px,
        "version": napari_nuclei.__version__,
    }


def margin_px(diameter_px: float | None, model: Model) -> int:
    """Return how far around a block nuclei are looked at, for their typical diameter."""
    typical_px = diameter_px or model.diameters.largest_px
    return max(_LEAST_MARGIN_PX, ceil(_MARGIN_DIAMETERS * typical_px))


def _sample_steps(
    image: LargeImage, index: Index, block_px: int
) -> Generator[Progress, None, Sample]:
    samples = []
    for block in BlockGrid(image.shape, block_px):
        yield Progress(0, 0)
        rows, columns = block.core
        part = image.read(index, block.core)
        origin = rows.start, columns.start
        samples.append(images.sample_part(part, origin, image.shape, rgb=image.rgb))
    return images.join_samples(samples)


def _prepared(image: LargeImage, index: Index, limits: tuple[Limits, ...]) -> PreparedPlane:
    number = int(np.ravel_multi_index(index, image.counts)) if index else 0
    return PreparedPlane(image, index, limits[number])
