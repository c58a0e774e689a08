"""``--diameter``: how large the nuclei are, in pixels or micrometres, or that it be estimated."""

from __future__ import annotations

import argparse
import re
from typing import Literal

from napari_nuclei.pipeline.segment import AUTO

# The latter two with either letter that keyboards have for it.
_UNITS = ("um", "\N{MICRO SIGN}m", "\N{GREEK SMALL LETTER MU}m")


class _Micrometres(float):
    """A length that has yet to be divided by the size of a pixel."""


def add_diameter(parser: argparse.ArgumentParser) -> None:
    """Add ``--diameter`` and ``--pixel-size``, for `read_diameter_px`."""
    parser.add_argument(
        "--diameter",
        type=_diameter,
        default=AUTO,
        metavar="PX|UMum|none|auto",
        help="typical diameter of the nuclei in pixels, or in micrometres as in 9um; none takes "
        "images as they are (default: estimated for each image)",
    )
    parser.add_argument(
        "--pixel-size",
        type=float,
        metavar="UM",
        help="side of a pixel in micrometres, for a diameter and a table in micrometres",
    )


def read_diameter_px(args: argparse.Namespace) -> float | Literal["auto"] | None:
    """Return the diameter of `add_diameter` in pixels, ``"auto"``, or None."""
    diameter: float | Literal["auto"] | None = args.diameter
    if not isinstance(diameter, _Micrometres):
        return diameter
    pixel_um = read_pixel_um(args)
    if pixel_um is None:
        args.wrong_use(
            f"--diameter {diameter:g}um needs --pixel-size: the side of a pixel in micrometres"
        )
    return None if pixel_um is None else diameter / pixel_um


def read_pixel_um(args: argparse.Namespace) -> float | None:
    """Return the side of a pixel in micrometres, if it was given."""
    pixel_um: float | None = args.pixel_size
    if pixel_um is not None and not pixel_um > 0:
        args.wrong_use(f"--pixel-size {pixel_um:g}: choose a length over 0")
    return pixel_um


def _diameter(text: str) -> float | Literal["auto"] | None:
    if text == AUTO:
        return AUTO
    if text == "none":
        return None
    try:
        length = re.fullmatch(rf"(.*?)\s*({'|'.join(_UNITS)})", text)
        return _Micrometres(length[1]) if length else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no diameter: give pixels as in 25, micrometres as in 9um, none or auto"
        ) from None
