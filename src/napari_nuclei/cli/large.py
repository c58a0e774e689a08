"""``napari-nuclei segment`` for images that are worked on block by block: Zarr, huge files."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_nuclei.cli.diameter import read_pixel_um
from napari_nuclei.cli.progress_line import progress_line
from napari_nuclei.errors import InputError, NucleiError
from napari_nuclei.pipeline.blocks import (
    BlockJob,
    BlockSegmentation,
    block_steps,
    needs_blocks,
    open_image,
)
from napari_nuclei.pipeline.filenames import blockwise_labels, key, without_zarr
from napari_nuclei.pipeline.steps import result_of
from napari_nuclei.pipeline.summary import Failed, Outcome, Segmented

if TYPE_CHECKING:
    import argparse

    from napari_nuclei.model.store import Model
    from napari_nuclei.pipeline.segment import SegmentOptions


@dataclass(frozen=True)
class LargeInput:
    """An image and what is to be done with it."""

    path: Path
    job: BlockJob


def add_large(parser: argparse.ArgumentParser) -> None:
    """Add what only such images have."""
    parser.add_argument(
        "--channel",
        type=int,
        default=1,
        metavar="N",
        help="which channel of a Zarr image, counted from 1 (default: %(default)s)",
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="segment the images block by block on a dask cluster, such as tcp://host:8786",
    )


def split_inputs(args: argparse.Namespace) -> tuple[list[Path], list[Path]]:
    """Return the inputs that are worked on block by block, and the others."""
    large = [path for path in args.inputs if args.scheduler or needs_blocks(path)]
    return large, [path for path in args.inputs if path not in large]


def plan_large(
    args: argparse.Namespace, paths: Sequence[Path], options: SegmentOptions
) -> list[LargeInput]:
    """Open the images, and make sure before any work that they can be segmented as asked.

    Raises
    ------
    InputError, DatasetError
        When one cannot be opened, or a result is wanted that such images do not have.
    """
    if paths and (args.probability or args.overlay):
        raise InputError(
            f"{paths[0]} is segmented block by block, which gives labels and a table: leave out "
            "--probability and --overlay."
        )
    return [
        LargeInput(
            path,
            BlockJob(
                open_image(path, args.channel - 1),
                (args.output / blockwise_labels(_stem(path))).absolute(),
                options,
                read_pixel_um(args),
                args.scheduler,
            ),
        )
        for path in dict.fromkeys(paths)
    ]


def refuse_clashes(inputs: Sequence[LargeInput], images: Sequence[Path]) -> None:
    """Make sure that no two inputs write the same file.

    Parameters
    ----------
    inputs : sequence of LargeInput
        As `plan_large` returns them.
    images : sequence of Path
        Files that are segmented into the same folder, which write no file of each other.

    Raises
    ------
    InputError
        When two would be written under one name.
    """
    # Results may be moved to another system.
    owners = {key(image.stem): image for image in images}
    for large in inputs:
        owner = owners.setdefault(key(_stem(large.path)), large.path)
        if owner != large.path:
            raise InputError(
                f"{owner} and {large.path} would both write {large.job.table}: rename one, or "
                "segment them into two folders."
            )


def segment_large(inputs: Sequence[LargeInput], model: Model) -> Iterator[Outcome]:
    """Segment images block by block, yielding what became of each; one that fails stops no other.

    Parameters
    ----------
    inputs : sequence of LargeInput
        As `plan_large` returns them.
    model : Model
        A loaded model.
    """
    for large in inputs:
        started = time.perf_counter()
        try:
            found = _run(large, model)
        except (NucleiError, OSError) as error:
            yield Failed(large.path, _naming(large.path, error))
            continue
        yield Segmented(
            large.path,
            found.n_nuclei,
            found.counts.nucleus_share,
            found.diameter_px,
            time.perf_counter() - started,
            found.done_before,
        )


def _run(large: LargeInput, model: Model) -> BlockSegmentation:
    with progress_line("blocks") as line:
        steps = block_steps(large.job, model)
        return result_of(steps, lambda progress: line.show(large.path, progress))


def _naming(path: Path, error: NucleiError | OSError) -> NucleiError | OSError:
    is_named = not isinstance(error, InputError) or str(path) in str(error)
    return error if is_named else InputError(f"{path}: {error}")


def _stem(path: Path) -> str:
    return without_zarr(path.name) if path.is_dir() else path.stem
