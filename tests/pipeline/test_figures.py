from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import pytest
from numpy.typing import NDArray

from napari_nuclei.errors import InputError
from napari_nuclei.pipeline.figures import draw_triptych, overlay

GREY = np.array([[0, 50, 100, 150, 200, 250]] * 5, np.uint8)
LABELS = np.array(
    [
        [0, 0, 0, 0, 0, 0],
        [0, 1, 1, 1, 2, 0],
        [0, 1, 1, 1, 2, 0],
        [0, 1, 1, 1, 2, 0],
        [0, 0, 0, 0, 0, 0],
    ]
)


def test_overlay_colours_the_outline_and_leaves_the_inside() -> None:
    drawn = overlay(GREY, LABELS)
    plain = overlay(GREY, np.zeros_like(LABELS))
    outline = (LABELS > 0) & ~((LABELS == 1) & (np.indices(LABELS.shape) == 2).all(axis=0))

    is_colour = np.ptp(drawn, axis=-1) > 100

    np.testing.assert_array_equal(is_colour, outline)
    np.testing.assert_array_equal(drawn[2, 2], plain[2, 2])


def test_nuclei_that_touch_have_different_colours() -> None:
    drawn = overlay(GREY, LABELS)
    assert drawn[2, 3].tolist() != drawn[2, 4].tolist()


def test_a_bright_background_is_darkened_beside_a_nucleus() -> None:
    white = np.array([[0, 0, 250, 250]], np.uint8)
    drawn = overlay(white, np.array([[1, 1, 0, 0]]))
    assert drawn[0, 2].max() < drawn[0, 3].min()


@pytest.mark.parametrize(
    "image",
    [
        np.linspace(0, 60000, 30).reshape(5, 6).astype(np.uint16),
        np.linspace(-1, 1, 30).reshape(5, 6),
        np.zeros((5, 6), bool),
        np.dstack([GREY] * 4),
    ],
    ids=["uint16", "float", "constant", "rgba"],
)
def test_overlay_takes_any_image_that_can_be_segmented(image: NDArray[Any]) -> None:
    drawn = overlay(image, LABELS)
    assert (drawn.shape, drawn.dtype) == ((5, 6, 3), np.uint8)


def test_overlay_refuses_the_labels_of_another_image() -> None:
    with pytest.raises(InputError, match=r"\(5, 6\) pixels and labels of shape \(6, 5\)"):
        overlay(GREY, LABELS.T)


def test_triptych_refuses_the_labels_of_another_image(tmp_path: Path) -> None:
    big = np.zeros((1400, 1400), int)
    with pytest.raises(InputError, match=r"\(1399, 1400\)"):
        draw_triptych(big, big, big[1:], tmp_path / "picture.png")


def test_triptych_shows_the_image_then_the_truth_then_the_prediction(tmp_path: Path) -> None:
    path = tmp_path / "new" / "picture.png"
    nothing = np.zeros_like(LABELS)

    draw_triptych(GREY, LABELS, nothing, path)

    panels = np.array_split(iio.imread(path)[..., :3].astype(int), 3, axis=1)
    has_colour = [bool((np.ptp(panel, axis=-1) > 100).any()) for panel in panels]
    assert has_colour == [False, True, False]


def test_panels_of_a_wide_image_come_below_one_another(tmp_path: Path) -> None:
    image, labels = np.tile(GREY, (1, 3)), np.tile(LABELS, (1, 3))
    draw_triptych(image, labels, np.zeros_like(labels), tmp_path / "picture.png")
    panels = np.array_split(iio.imread(tmp_path / "picture.png")[..., :3].astype(int), 3, axis=0)
    has_colour = [bool((np.ptp(panel, axis=-1) > 100).any()) for panel in panels]
    assert has_colour == [False, True, False]


@pytest.mark.parametrize("shape", [(40, 40), (1500, 1000), (1, 1)])
def test_triptych_has_a_readable_size_whatever_the_image_has(
    shape: tuple[int, int], tmp_path: Path
) -> None:
    labels = np.ones(shape, int)
    draw_triptych(labels, labels, labels, tmp_path / "picture.png")
    height = iio.improps(tmp_path / "picture.png").shape[0]
    assert 400 < height < 700


def test_a_picture_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "picture.png").mkdir()
    with pytest.raises(OSError, match="picture"):
        draw_triptych(GREY, LABELS, LABELS, tmp_path / "picture.png")
    assert list(tmp_path.iterdir()) == [tmp_path / "picture.png"]


def test_drawing_never_loads_pyplot(tmp_path: Path) -> None:
    code = """if True:
        import sys
        from pathlib import Path
        import numpy as np
        from napari_nuclei.pipeline.figures import draw_triptych
        labels = np.ones((4, 4), int)
        draw_triptych(labels, labels, labels, Path(sys.argv[1]))
        sys.exit("matplotlib.pyplot" in sys.modules)
    """
    subprocess.run([sys.executable, "-c", code, tmp_path / "picture.png"], check=True)
