"""Draw the network as docs/images/network.svg, from the network itself.

python tools/draw_network.py
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from napari_nuclei.model import unet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "network.svg"
TILE_PX = 128
ENCODER = (
    "block_1_expand_relu",
    "block_3_expand_relu",
    "block_6_expand_relu",
    "block_13_expand_relu",
    "block_16_project",
)
DECODER = ("up_4_relu", "up_3_relu", "up_2_relu", "up_1_relu")
BLUE, GREEN, GREY = "#3b6ea5", "#4c9a6a", "#6b7280"


@dataclass(frozen=True)
class Box:
    """A feature map: what it is called, its side in pixels, its channels."""

    title: str
    side_px: int
    channels: int


def main() -> None:
    """Build the default network and draw its feature maps as a U."""
    network = unet.build()
    encoder = [Box("image", TILE_PX, 3), *(_box(network, name) for name in ENCODER)]
    decoder = [_box(network, "logits"), *(_box(network, name) for name in DECODER)]
    mpl.rcParams["svg.hashsalt"] = "network"  # the same picture gives the same file
    figure = Figure((9, 5.6))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-1.2, 9.2), ylim=(-5.5, 1.0))
    axes.axis("off")
    for depth, box in enumerate(encoder):
        _draw(axes, box, 0.45 * depth, -depth, BLUE)
    for depth, box in enumerate(decoder):
        _draw(axes, box, 6.4 - 0.45 * depth, -depth, GREEN)
    _draw_arrows(axes, len(decoder))
    axes.text(1.6, 0.75, "MobileNetV2, weights from ImageNet", ha="center", color=BLUE)
    axes.text(6.9, 0.75, "transposed convolutions 3x3", ha="center", color=GREEN)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURE, metadata={"Date": None})
    print(f"{PICTURE}: {network.count_params():,} weights")


def _box(network: keras.Model, name: str) -> Box:
    part = keras.Model(network.input, network.get_layer(name).output)
    _, side_px, _, channels = part.compute_output_shape((1, TILE_PX, TILE_PX, 3))
    return Box(name.removesuffix("_relu"), side_px, channels)


def _draw(axes: Axes, box: Box, left: float, middle: float, colour: str) -> None:
    axes.add_patch(Rectangle((left, middle - 0.3), 2.1, 0.6, facecolor=colour, alpha=0.15))
    axes.add_patch(Rectangle((left, middle - 0.3), 2.1, 0.6, fill=False, edgecolor=colour))
    place = {"ha": "center", "va": "center"}
    axes.text(left + 1.05, middle + 0.12, box.title, size=8, color=colour, **place)
    size = f"{box.side_px} x {box.side_px} x {box.channels}"
    axes.text(left + 1.05, middle - 0.13, size, size=8, color=GREY, **place)


def _draw_arrows(axes: Axes, depths: int) -> None:
    arrow = {"arrowstyle": "->", "color": GREY}
    for depth in range(depths):
        down, up = 0.45 * depth + 1.05, 6.4 - 0.45 * depth + 1.05
        axes.annotate("", (down + 0.3, -depth - 0.7), (down + 0.15, -depth - 0.3), arrowprops=arrow)
        if depth + 1 < depths:
            axes.annotate("", (up - 0.15, -depth - 0.3), (up - 0.3, -depth - 0.7), arrowprops=arrow)
        if depth:
            ends = (6.4 - 0.45 * depth, -depth), (0.45 * depth + 2.1, -depth)
            axes.annotate("", *ends, arrowprops={**arrow, "linestyle": "--"})
    axes.text(4.25, -0.9, "skips, joined with the decoder's maps", ha="center", size=8, color=GREY)
    ends = (5.65, -4.3), (4.35, -5)
    axes.annotate("", *ends, arrowprops={**arrow, "connectionstyle": "angle,angleA=0,angleB=90"})


if __name__ == "__main__":
    main()
