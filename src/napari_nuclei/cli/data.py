"""``napari-nuclei data``: what is in a data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_nuclei.cli.arguments import Commands, add_command, add_group
from napari_nuclei.pipeline.datasets import Summary, describe, open_dataset

if TYPE_CHECKING:
    import argparse

_SIZES_SHOWN = 5


def add_to(commands: Commands) -> None:
    """Add the commands."""
    actions = add_group(commands, "data", "look into data sets")
    parser = add_command(actions, "info", _info, "check a data set and say what is in it")
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="folder or .zip file")
    parser.add_argument(
        "--nuclei", action="store_true", help="also read every mask and count the nuclei"
    )


def _info(args: argparse.Namespace) -> int:
    summary = describe(open_dataset(args.dataset), count_nuclei=args.nuclei)
    for name, value in _facts(summary).items():
        print(f"{name}: {value}")
    return 0


def _facts(summary: Summary) -> dict[str, str]:
    facts = {
        "layout": summary.layout,
        "images": f"{summary.n_images}",
        "mask files": f"{summary.n_label_files}",
        "sizes (height x width)": _sizes(summary.sizes),
    }
    if summary.groups:
        facts["parts"] = ", ".join(f"{name} {n}" for name, n in summary.groups.items())
    if summary.n_nuclei is not None:
        facts["nuclei"] = f"{summary.n_nuclei}"
    return facts


def _sizes(sizes: dict[tuple[int, int], int]) -> str:
    shown = [f"{y} x {x}: {n}" for (y, x), n in list(sizes.items())[:_SIZES_SHOWN]]
    hidden = len(sizes) - len(shown)
    return ", ".join(shown) + (f", {hidden} other sizes" if hidden else "")
