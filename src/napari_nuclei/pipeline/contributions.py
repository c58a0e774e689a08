"""Corrections into a project: beside those of other images, on top of those of the same one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_nuclei.core.review import with_earlier

if TYPE_CHECKING:
    from napari_nuclei.pipeline.projects import Pair, Project


def contribute(project: Project, pair: Pair) -> Pair:
    """Save a pair under the next name that no other image has; what was checked before is kept.

    Parameters
    ----------
    project : Project
        May be a folder that is still missing.
    pair : Pair
        With a mask of what was checked.

    Returns
    -------
    Pair
        As it was saved.

    Raises
    ------
    DatasetError
        When the project cannot be read or written.
    """
    known = project.names
    for name in _names(pair.name):
        if name not in known:
            saved = replace(pair, name=name)
            break
        earlier = project.read(name)
        if np.array_equal(earlier.image, pair.image):
            labels, checked = with_earlier(pair.labels, _mask(pair), earlier.labels, _mask(earlier))
            saved = replace(earlier, labels=labels, checked=checked)
            break
    project.save(saved)
    return saved


def _names(name: str) -> Iterator[str]:
    yield name
    for number in count(2):
        yield f"{name} {number}"


def _mask(pair: Pair) -> NDArray[np.bool_]:
    return np.ones(pair.labels.shape, bool) if pair.checked is None else pair.checked
