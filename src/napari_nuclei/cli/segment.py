"""``napari-nuclei segment``: image files to label files."""

from __future__ import annotations

import traceback
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from napari_nuclei.cli.arguments import Commands, add_command, add_model, load_model
from napari_nuclei.cli.diameter import add_diameter, read_diameter_px, read_pixel_um
from napari_nuclei.cli.large import (
    add_large,
    plan_large,
    refuse_clashes,
    segment_large,
    split_inputs,
)
from napari_nuclei.cli.messages import explain, print_error
from napari_nuclei.cli.progress_line import progress_line
from napari_nuclei.cli.selection import add_selection, read_selection
from napari_nuclei.errors import InputError, NucleiError
from napari_nuclei.pipeline.batch import batch_steps
from napari_nuclei.pipeline.batch_plan import SUMMARY_FILE, plan_batch
from napari_nuclei.pipeline.datasets.decoding import NoPlaneError
from napari_nuclei.pipeline.results import Extras
from napari_nuclei.pipeline.segment import AUTO, SegmentOptions
from napari_nuclei.pipeline.summary import Failed, Outcome, Segmented

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from napari_nuclei.model.store import Model
    from napari_nuclei.pipeline.batch_plan import ImageBatch

_DEFAULTS = SegmentOptions()


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "segment", run, "find the nuclei of images")
    parser.add_argument(
        "inputs",
        type=Path,
        nargs="+",
        metavar="IMAGE|FOLDER|ZARR",
        help="image file, or folder of which all images are taken, or OME-Zarr image",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="OUT",
        help="folder of the results: <name>_labels.tif, what is asked for below, and the counts "
        "of several images in summary.csv; of a Zarr image or one too large for the memory, "
        "<name>_labels.ome.zarr and <name>_nuclei.csv; what is there and complete is not made "
        "again",
    )
    add_model(parser)
    add_diameter(parser)
    _add_thresholds(parser)
    _add_tiles(parser)
    _add_results(parser)
    add_selection(parser)
    add_large(parser)


def run(args: argparse.Namespace) -> int:
    """Segment all files; the status is 1 when one of them failed."""
    options = _read_options(args)
    selection = read_selection(args)
    blockwise, usual = split_inputs(args) if selection.is_whole_plane else ([], args.inputs)
    large = plan_large(args, blockwise, options)
    plan = plan_batch(usual, args.output, selection) if usual else None
    refuse_clashes(large, plan.images if plan else ())
    extras = Extras(args.probability, args.table, args.overlay, read_pixel_um(args))
    model = load_model(args)
    status = 0
    results = _segment_usual(plan, model, options, extras) if plan else ()
    for result in chain(results, segment_large(large, model)):
        if isinstance(result, Failed):
            status = 1
            _report_failure(result, args.debug)
        else:
            print(_describe(result, options), flush=True)
    return status


def _segment_usual(
    plan: ImageBatch, model: Model, options: SegmentOptions, extras: Extras
) -> Iterator[Outcome]:
    """Segment all files, and tell meanwhile how far each is."""
    with progress_line("tiles") as line:
        try:
            for progress in batch_steps(plan, model, options, extras):
                line.show(progress.image, progress.tiles)
                if progress.outcome is not None:
                    line.clear()
                    yield progress.outcome
        except InputError as error:  # the summary's, which keeps nothing else from being done
            yield Failed(plan.folder / SUMMARY_FILE, error)


def _add_thresholds(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="P",
        help="probability from which a pixel is nucleus, 0 to 1 (default: the model's)",
    )
    parser.add_argument(
        "--separation",
        type=float,
        metavar="S",
        help="0 to 1; higher parts more touching nuclei (default: the model's)",
    )
    parser.add_argument(
        "--min-area",
        type=int,
        metavar="PX",
        help="drop nuclei of fewer pixels (default: the model's)",
    )


def _add_tiles(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tile",
        type=int,
        default=_DEFAULTS.tile_px,
        metavar="PX",
        help="side of the tiles, a multiple of 32 (default: %(default)s)",
    )
    parser.add_argument(
        "--halo",
        type=int,
        default=_DEFAULTS.halo_px,
        metavar="PX",
        help="overlap of the tiles on each side (default: %(default)s)",
    )


def _add_results(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--probability", action="store_true", help="also write <name>_probability.tif"
    )
    parser.add_argument(
        "--overlay",
        action="store_true",
        help="also write <name>_overlay.png; with --planes, of the middle plane",
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--table", action="store_true", help="also write <name>_nuclei.csv")
    kind.add_argument(
        "--semantic", action="store_true", help="only tell nucleus (1) from background (0)"
    )


def _read_options(args: argparse.Namespace) -> SegmentOptions:
    return SegmentOptions(
        tile_px=args.tile,
        halo_px=args.halo,
        diameter_px=read_diameter_px(args),
        probability=args.threshold,
        separation=args.separation,
        min_area_px=args.min_area,
        semantic=args.semantic,
        device=args.device,
    )


def _describe(result: Segmented, options: SegmentOptions) -> str:
    found = result.in_words(semantic=options.semantic)
    how = " of about" if options.diameter_px == AUTO else ", diameter set to"
    size = f"{how} {result.diameter_px:.0f} px" if result.diameter_px else ""
    effort = "done before" if result.done_before else f"{result.seconds:.1f} s"
    return f"{result.image.name}: {found}{size}, {effort}"


def _report_failure(result: Failed, debug: bool) -> None:
    if debug:
        traceback.print_exception(result.reason)
    reason = explain(result.reason)
    if isinstance(result.reason.__cause__, NoPlaneError):
        reason += " Of a TIFF stack, --part and --planes choose."
    is_named = isinstance(result.reason, NucleiError)
    print_error(reason if is_named else f"{result.image}: {reason}")
