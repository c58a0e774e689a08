"""Images larger than memory: block by block, on this computer or a cluster, to OME-Zarr."""

from __future__ import annotations

from napari_nuclei.pipeline.blocks.images import needs_blocks, open_image
from napari_nuclei.pipeline.blocks.run import (
    BlockJob,
    BlockSegmentation,
    block_steps,
    segment_blocks,
)

__all__ = [
    "BlockJob",
    "BlockSegmentation",
    "block_steps",
    "needs_blocks",
    "open_image",
    "segment_blocks",
]
