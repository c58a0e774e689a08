"""Old and new labels side by side, with a model without a network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_nuclei.core.differences import Differences
from napari_nuclei.core.instances import InstanceOptions
from napari_nuclei.core.regions import Region
from napari_nuclei.pipeline.steps import result_of
from napari_nuclei.ui import compare_layers
from napari_nuclei.ui.compare_layers import add_compared, compare_steps
from napari_nuclei.ui.layers import planes_in, read_layer

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from numpy.typing import NDArray

    from conftest import FakeModel


@pytest.fixture
def models(model: FakeModel, monkeypatch: pytest.MonkeyPatch) -> dict[Path, FakeModel]:
    """Return an old model that finds both squares and a new one that finds the bright one."""
    found = {
        Path(name): replace(model, thresholds=InstanceOptions(probability))
        for name, probability in (("old", 0.5), ("new", 0.8))
    }
    monkeypatch.setattr(compare_layers, "load_model", found.__getitem__)
    return found


def test_a_nucleus_that_only_the_old_model_finds_has_a_colour(
    viewer: Viewer, models: dict[Path, FakeModel], two_squares: NDArray[np.float32]
) -> None:
    compared = result_of(compare_steps(two_squares, Path("old"), Path("new")))
    assert compared.differences == Differences(before=(2,), after=())
    add_compared(viewer, "cells", compared, None)
    before, after = viewer.layers
    assert (before.name, after.name) == ("cells before", "cells after")
    grey, magenta = before.get_color(1), before.get_color(2)
    np.testing.assert_allclose(magenta, [1, 0, 1, 1])
    np.testing.assert_allclose(after.get_color(1), grey)
    assert not before.editable


def test_what_was_compared_lies_on_the_plane_that_it_is_of(
    viewer: Viewer, models: dict[Path, FakeModel], two_squares: NDArray[np.float32]
) -> None:
    image = viewer.add_image(np.stack([two_squares] * 3), scale=(5, 2, 3))
    planes = planes_in(image, read_layer(image), Region((0, 20), (10, 50)), (2,))
    compared = result_of(compare_steps(planes.read(), Path("old"), Path("new")))
    add_compared(viewer, "cells", compared, planes)
    for layer in viewer.layers[1:]:
        assert layer.data.shape == (1, 20, 40)
        np.testing.assert_allclose(layer.data_to_world((0, 0, 0)), (10, 0, 30))


def test_another_comparison_of_a_name_takes_the_place_of_the_one_before(
    viewer: Viewer, models: dict[Path, FakeModel], two_squares: NDArray[np.float32]
) -> None:
    compared = result_of(compare_steps(two_squares, Path("old"), Path("new")))
    for name in ("cells", "others", "cells"):
        add_compared(viewer, name, compared, None)
    names = [layer.name for layer in viewer.layers]
    assert names == ["others before", "others after", "cells before", "cells after"]
    viewer.layers["cells after"].editable = True
    add_compared(viewer, "cells", compared, None)
    assert "cells after [1]" in viewer.layers
    assert "cells before [1]" not in viewer.layers
