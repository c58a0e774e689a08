"""``--part``, ``--planes`` and ``--link``: one plane of a stack, a part of it, or all planes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_nuclei.pipeline.selection import Selection, parse_part

if TYPE_CHECKING:
    import argparse


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add the options, for `read_selection`."""
    parser.add_argument(
        "--part",
        type=parse_part,
        default=(),
        metavar="INDEX",
        help="which part of each file, an index along each axis counted from 0, as in "
        "2,:,100:900: of a TIFF stack the plane 2, all rows, the columns 100 to 899",
    )
    parser.add_argument(
        "--planes",
        action="append",
        default=[],
        metavar="NAME",
        help="segment all planes along the axes before height and width, and name them so; give "
        "it once for each axis",
    )
    parser.add_argument(
        "--link",
        metavar="NAME",
        help="give a nucleus one id in all planes along this axis (default: one in each plane)",
    )


def read_selection(args: argparse.Namespace) -> Selection:
    """Return what is segmented of each file; it is wrong use to ask for what it does not have."""
    if args.link is not None and args.link not in args.planes:
        args.wrong_use(f"--link {args.link} needs --planes {args.link}")
    if args.planes and args.probability:
        args.wrong_use("--planes gives labels, a table and an overlay: no --probability")
    selection = Selection(args.part, tuple(args.planes), args.link)
    if args.scheduler and not selection.is_whole_plane:
        args.wrong_use("--scheduler is for whole images: no --part, no --planes")
    return selection
