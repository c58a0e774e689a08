"""Images larger than the memory: segmented block by block, into a file that the layer shows.

What reads and writes such files takes half a second to import: only where it is used, so that
opening the widget need not wait for it.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from napari_nuclei import paths
from napari_nuclei.pipeline.filenames import blockwise_labels
from napari_nuclei.pipeline.resources import memory_refusal
from napari_nuclei.ui.layers import recipe_metadata
from napari_nuclei.ui.names import nuclei_name
from napari_nuclei.ui.preferences import read_preferences

if TYPE_CHECKING:
    from napari.layers import Labels
    from napari.viewer import Viewer

    from napari_nuclei.model.store import Model
    from napari_nuclei.pipeline.blocks import BlockJob, BlockSegmentation, LargeImage
    from napari_nuclei.pipeline.segment import SegmentOptions
    from napari_nuclei.ui.planes import Planes

_NO_LENGTH = "pixel"


def is_large(planes: Planes) -> bool:
    """Tell whether segmenting all of them at once would not fit into memory."""
    return bool(memory_refusal((*planes.counts, *planes.shape)))


def result_folder() -> Path:
    """Return the folder of the results: that of the preferences, or one of ours."""
    chosen = read_preferences().large_folder
    return paths.expanded(chosen) if chosen else paths.large_results()


def make_job(planes: Planes, model: Model, options: SegmentOptions, folder: Path) -> BlockJob:
    """Return the job for some planes; for the same planes and options, it has the same output.

    So the next Run goes on where one was cancelled. Nobody can choose the output: what another
    image of this name, or another version, has there stays, and the job takes the next number.
    """
    from napari_nuclei.pipeline.blocks import BlockJob

    made_of = [planes.name, planes.place, planes.region.rows, planes.region.columns]
    made_by = [model.sha256, asdict(options), planes.pixel_um]
    key = hashlib.sha256(json.dumps([made_of, made_by]).encode()).hexdigest()[:8]
    stem = re.sub(r"\W+", "_", planes.name).strip("_")
    output = folder / blockwise_labels(f"{stem}_{key}")
    return BlockJob(_large_image(planes), output, options, planes.pixel_um, is_numbered=True)


def add_large_nuclei(viewer: Viewer, planes: Planes, found: BlockSegmentation) -> Labels:
    """Add a layer that shows the labels from their file, in all its resolutions."""
    import dask.array as da

    from napari_nuclei.pipeline.blocks import open_levels

    levels = [planes.as_layer_data(da.from_zarr(level)) for level in open_levels(found.labels)]
    is_small = len(levels) == 1
    return viewer.add_labels(
        levels[0] if is_small else levels,
        multiscale=not is_small,
        name=nuclei_name(planes.name),
        metadata=recipe_metadata(planes, found),
        **planes.geometry,
    )


def _large_image(planes: Planes) -> LargeImage:
    from napari_nuclei.pipeline.blocks import LargeImage

    selector = tuple(
        slice(*part.indices(length)[:2]) if isinstance(part, slice) else part
        for part, length in zip(planes.selector, planes.data.shape, strict=False)
    )
    # The file has no axes of length one.
    axes = [a for a in range(len(planes.geometry["scale"])) if a not in planes.single_axes]
    scale = tuple(float(abs(planes.geometry["scale"][axis])) for axis in axes)
    units = [str(planes.geometry["units"][axis]) for axis in axes]
    known = tuple(None if unit == _NO_LENGTH else unit for unit in units)
    translation = tuple(float(planes.geometry["translate"][axis]) for axis in axes)
    return LargeImage(planes.data, selector, planes.names, planes.rgb, scale, known, translation)
