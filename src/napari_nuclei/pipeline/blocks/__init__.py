"""Images larger than memory: block by block, on this computer or a cluster, to OME-Zarr."""

from __future__ import annotations

from napari_nuclei.pipeline.blocks.images import LargeImage, needs_blocks, open_image
from napari_nuclei.pipeline.blocks.job import BlockJob, BlockSegmentation
from napari_nuclei.pipeline.blocks.ome_zarr import open_levels
from napari_nuclei.pipeline.blocks.run import block_steps, segment_blocks

__all__ = [
    "BlockJob",
    "BlockSegmentation",
    "LargeImage",
    "block_steps",
    "needs_blocks",
    "open_image",
    "open_levels",
    "segment_blocks",
]
