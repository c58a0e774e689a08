"""Which layers are a pair, and what is read of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from napari_nuclei.errors import InputError
from napari_nuclei.ui.corrections import corrections_of
from napari_nuclei.ui.layer_pair import pair_of

if TYPE_CHECKING:
    from napari.components import ViewerModel

LABELS = np.zeros((4, 6), np.int32)
LABELS[1:3, 1:3] = 1
STACK = np.arange(3 * 4 * 6, dtype=np.uint16).reshape(3, 4, 6)


@pytest.fixture
def model() -> ViewerModel:
    from napari.components import ViewerModel

    return ViewerModel()


def add(model: ViewerModel, image: Any, labels: Any = LABELS, **options: Any) -> Any:
    """Add an image and labels of it, and return a function that makes the pair."""
    image_layer = model.add_image(image, **{"name": "cells", **options})
    labels_layer = model.add_labels(labels.copy())
    return lambda: pair_of(model, image_layer, labels_layer)


def made_of(shape: tuple[int, ...], axis: int, channel: int) -> dict[str, Any]:
    """Return what the Segment widget notes of the layer whose nuclei it found."""
    return {"layer_shape": shape, "channel_axis": axis, "channel": channel}


def test_an_image_and_its_labels_are_copied_with_what_was_checked(model: ViewerModel) -> None:
    pair = add(model, STACK[0])()
    corrections_of(pair.labels).mark_all_reviewed()
    copy = pair.read()
    assert copy.name == "cells"
    assert_array_equal(copy.image, STACK[0])
    assert_array_equal(copy.labels, LABELS)
    assert copy.checked.all()
    pair.labels.data[0, 0] = 9
    pair.image.data[0, 0] = 9
    assert copy.labels[0, 0] == copy.image[0, 0] == 0


@pytest.mark.timeout(60)
@pytest.mark.parametrize("dtype", [np.uint32, np.int64, np.uint64])
def test_ids_of_other_programs_that_are_no_int32_are_counted_anew(
    model: ViewerModel, dtype: type
) -> None:
    pair = add(model, STACK[0], LABELS.astype(dtype) * (2**31 + 5))()
    corrections_of(pair.labels).mark_all_reviewed()
    copy = pair.read()
    assert copy.labels.dtype == np.int32
    assert_array_equal(copy.labels, LABELS)
    assert copy.n_checked == 1


def test_of_a_stack_it_is_the_plane_that_was_shown_when_the_pair_was_made(
    model: ViewerModel,
) -> None:
    make = add(model, STACK, axis_labels=("z", "y", "x"))
    model.dims.set_point(0, 1)
    pair = make()
    model.dims.set_point(0, 2)
    assert pair.name == "cells z 2 of 3"
    assert_array_equal(pair.read().image, STACK[1])


def test_of_channels_it_is_the_one_that_is_shown(model: ViewerModel) -> None:
    make = add(model, STACK, axis_labels=("c", "y", "x"))
    model.dims.set_point(0, 2)
    assert_array_equal(make().read().image, STACK[2])


@pytest.mark.parametrize("names", [("c", "y", "x"), ("0", "1", "2")])
def test_of_channels_it_is_the_one_that_the_labels_were_made_of(
    names: tuple[str, ...], model: ViewerModel
) -> None:
    make = add(model, STACK, axis_labels=names)
    model.layers[-1].metadata["napari_nuclei"] = made_of((3, 4, 6), 0, 1)
    model.dims.set_point(0, 2)
    pair = make()
    assert pair.name == "cells channel 2 of 3"
    assert_array_equal(pair.read().image, STACK[1])


@pytest.mark.parametrize(
    ("shape", "axis"),
    [((4, 4, 6), 0), ((3, 2, 4, 6), 1), ((3, 2, 4, 6), 0), ((3, 5, 6), 0)],
)
def test_of_labels_of_a_layer_of_other_axes_it_is_the_one_that_is_shown(
    shape: tuple[int, ...], axis: int, model: ViewerModel
) -> None:
    make = add(model, STACK, axis_labels=("c", "y", "x"))
    model.layers[-1].metadata["napari_nuclei"] = made_of(shape, axis, 1)
    model.dims.set_point(0, 2)
    pair = make()
    assert pair.name == "cells channel 3 of 3"
    assert_array_equal(pair.read().image, STACK[2])


def test_a_channel_stays_where_planes_were_added(model: ViewerModel) -> None:
    movie = np.stack([STACK, STACK + 1])
    make = add(model, movie)
    model.layers[-1].metadata["napari_nuclei"] = made_of((1, 3, 4, 6), 1, 1)
    model.dims.set_point(0, 1)
    assert_array_equal(make().read().image, movie[1, 1])


def test_labels_of_a_part_go_with_that_part(model: ViewerModel) -> None:
    pair = add(model, np.pad(STACK[0], ((5, 1), (2, 0))))
    model.layers[-1].metadata["napari_nuclei"] = {"rows": (5, 9), "columns": (2, 8)}
    assert_array_equal(pair().read().image, STACK[0])


def test_colours_lose_their_opacity(model: ViewerModel) -> None:
    colours = np.stack([STACK[0].astype(np.uint8)] * 4, axis=-1)
    assert add(model, colours, rgb=True)().read().image.shape == (4, 6, 3)


@pytest.mark.parametrize("name", ["cells: a/b.tif", "../cells a b tif", " cells a b tif_"])
def test_the_name_is_one_that_a_file_can_have(model: ViewerModel, name: str) -> None:
    assert add(model, STACK[0], name=name)().name == "cells a b tif"


def test_a_layer_whose_name_has_no_letter_is_called_image(model: ViewerModel) -> None:
    assert add(model, STACK[0], name="???")().name == "image"


@pytest.mark.parametrize(
    ("image", "labels", "reason"),
    [
        (STACK, np.zeros((3, 4, 6), np.int32), "Labels of a stack cannot be learnt from"),
        (STACK[0], LABELS.T, "The labels have 4 x 6 px and the image 6 x 4"),
    ],
)
def test_what_is_no_pair_is_refused_in_words(
    model: ViewerModel, image: np.ndarray, labels: np.ndarray, reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        add(model, image, labels)()


def test_a_part_that_lies_outside_is_refused(model: ViewerModel) -> None:
    make = add(model, STACK[0, :2])
    model.layers[-1].metadata["napari_nuclei"] = {"rows": (5, 9), "columns": (2, 8)}
    with pytest.raises(InputError, match="choose the labels of this image"):
        make()


def test_two_layers_are_needed(model: ViewerModel) -> None:
    with pytest.raises(InputError, match="Open an image and segment it first"):
        pair_of(model, None, None)


def test_the_pixels_are_those_that_the_layer_has_now(model: ViewerModel) -> None:
    pair = add(model, STACK[0])()
    pair.image.data = STACK[1]
    assert_array_equal(pair.read().image, STACK[1])


def test_an_image_of_another_shape_is_no_pair_any_more(model: ViewerModel) -> None:
    pair = add(model, STACK[0])()
    pair.image.data = STACK[0, :2]
    with pytest.raises(InputError, match="cells has another shape now: add its labels again"):
        pair.read()
