from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_nuclei.errors import DatasetError
from napari_nuclei.pipeline.contributions import contribute
from napari_nuclei.pipeline.projects import Pair, Project

IMAGE = np.arange(8, dtype=np.uint8).reshape(2, 4)
LABELS = np.array([[1, 0, 0, 2], [1, 0, 0, 2]], np.int32)


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path / "project")


def pair(nucleus, name="cells", image=IMAGE):
    return Pair(name, image, LABELS, nucleus == LABELS)


def test_corrections_of_an_image_add_up(project):
    contribute(project, pair(1))
    saved = contribute(project, replace(pair(2), labels=np.where(LABELS == 2, 9, 0)))
    assert project.names == ("cells",)
    again = project.read("cells")
    np.testing.assert_array_equal(again.labels > 0, LABELS > 0)
    np.testing.assert_array_equal(again.checked, LABELS > 0)
    assert again.n_checked == saved.n_checked == 2


def test_an_image_that_was_checked_as_a_whole_stays_so(project):
    project.save(Pair("cells", IMAGE, LABELS))
    contribute(project, pair(2))
    assert project.read("cells").checked.all()


def test_another_image_of_the_same_name_gets_the_next_free_one(project):
    names = [contribute(project, pair(1, image=IMAGE + n)).name for n in (0, 1, 2, 1)]
    assert names == ["cells", "cells 2", "cells 3", "cells 2"]
    assert project.names == ("cells", "cells 2", "cells 3")


def test_a_name_that_some_systems_take_for_another_one_is_not_free(project):
    names = [contribute(project, pair(1, n, IMAGE + k)).name for k, n in enumerate(("A", "a", "a"))]
    assert names == ["A", "a 2", "a 3"]


@pytest.mark.parametrize("name", ["cells 1", "a cell"])
def test_an_image_has_one_pair_whatever_its_layer_is_called(project, name):
    contribute(project, pair(1))
    contribute(project, pair(1, name="other", image=IMAGE.T.reshape(2, 4).copy()))
    assert contribute(project, pair(2, name=name)).name == "cells"
    assert project.names == ("cells", "other")
    np.testing.assert_array_equal(project.read("cells").checked, LABELS > 0)


@pytest.mark.parametrize(
    "image", [np.where(IMAGE > 5, np.nan, IMAGE), IMAGE > 5], ids=["nan", "bool"]
)
def test_an_image_with_nan_or_of_bool_is_known_again(project, image):
    names = [contribute(project, pair(nucleus, image=image)).name for nucleus in (1, 2, 1)]
    assert names == ["cells"] * 3
    assert project.names == ("cells",)


def test_equal_numbers_of_another_type_are_another_image(project):
    assert contribute(project, pair(1)).name == "cells"
    assert contribute(project, pair(1, image=IMAGE.astype(np.float32))).name == "cells 2"


def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(DatasetError, match="none of the known layouts"):
        contribute(Project(tmp_path), pair(1))
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
