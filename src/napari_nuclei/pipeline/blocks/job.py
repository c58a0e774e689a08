"""What is to be done with an image of any size, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_nuclei.errors import InputError
from napari_nuclei.pipeline.blocks.files import BlockFolder
from napari_nuclei.pipeline.blocks.plan import BLOCK_PX
from napari_nuclei.pipeline.filenames import UNFINISHED, without_zarr

if TYPE_CHECKING:
    from napari_nuclei.pipeline.blocks.images import LargeImage
    from napari_nuclei.pipeline.blocks.output import Counts
    from napari_nuclei.pipeline.segment import SegmentOptions


@dataclass(frozen=True)
class BlockSegmentation:
    """What was found in an image of any size.

    Attributes
    ----------
    labels : Path
        OME-Zarr 0.4, int32: 0 is background, the nuclei are 1 to n (1 alone when semantic).
    table : Path or None
        CSV, one row a nucleus, in the order of ids; None when semantic.
    counts : Counts
        Number of nuclei, and their share of the area.
    recipe : dict
        As that of `napari_nuclei.pipeline.segment.Segmentation`; ``request`` besides.
    done_before : bool
        Whether it was there already.
    """

    labels: Path
    table: Path | None
    counts: Counts
    recipe: dict[str, Any]
    done_before: bool = False

    @property
    def n_nuclei(self) -> int:
        """Number of nuclei; 0 when semantic."""
        return self.counts.n_nuclei

    @property
    def diameter_px(self) -> float | None:
        """The diameter for which the image was resized, chosen or estimated; None: it was not."""
        diameter_px: float | None = self.recipe["options"]["diameter_px"]
        return diameter_px


@dataclass(frozen=True)
class BlockJob:
    """What is to be done.

    Attributes
    ----------
    image : LargeImage
    output : Path
        The label image that is made, a folder whose name ends with ``.zarr``; the table lies beside
        it, as `table` tells.
    options : SegmentOptions
    pixel_um : float or None
        Side of a pixel in micrometres, for the table; None: in pixels.
    scheduler : str or None
        Address of a cluster such as ``tcp://host:8786``; None: threads of this process.
    block_px : int
        Side of a block.
    is_numbered : bool
        Whether the output gets a number where there is something else already, not an error.

    Raises
    ------
    InputError
        When they do not belong together.
    """

    image: LargeImage
    output: Path
    options: SegmentOptions
    pixel_um: float | None = None
    scheduler: str | None = None
    block_px: int = BLOCK_PX
    is_numbered: bool = False

    def __post_init__(self) -> None:
        if self.output.suffix != ".zarr":
            raise InputError(f"{self.output}: labels go to a folder whose name ends with .zarr.")
        if self.scheduler and self.image.is_in_memory:
            raise InputError(
                "The workers of a scheduler cannot read an array of this process: save the image "
                "as OME-Zarr and give its path."
            )

    @property
    def table(self) -> Path:
        """The table of nuclei; there is none of a mask."""
        return self.output.with_name(f"{self.stem}_nuclei.csv")

    @property
    def result_table(self) -> Path | None:
        """The table that the result has; None when semantic."""
        return None if self.options.semantic else self.table

    @property
    def stem(self) -> str:
        """What the name of the output begins with, before what tells what it is."""
        return without_zarr(self.output.name).removesuffix("_labels")

    @property
    def folder(self) -> BlockFolder:
        """Where finished blocks are until all of them are."""
        return BlockFolder(self.output.with_name(self.output.name + UNFINISHED))
