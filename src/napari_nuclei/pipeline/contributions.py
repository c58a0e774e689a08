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
    """Save a pair on top of the one of the same image, or under a name that no other image has.

    An image has one pair, whatever its layer is called: of two, one would be trained on and the
    other held out, and a score on pixels that were trained on says nothing.

    Parameters
    ----------
    project : Project
        May be a folder that is still missing.
    pair : Pair
        With a mask of what was checked.

    Returns
    -------
    Pair
        As it was saved, with what was checked before.

    Raises
    ------
    DatasetError
        When the project cannot be read or written.
    """
    known = project.find(pair.image, pair.name)
    if known is None:
        free = (name for name in _names(pair.name) if project.known_as(name) is None)
        saved = replace(pair, name=next(free))
    else:
        earlier = project.read(known)
        labels, checked = with_earlier(pair.labels, _mask(pair), earlier.labels, _mask(earlier))
        saved = replace(earlier, name=known, labels=labels, checked=checked)
    project.save(saved)
    return saved


def _names(name: str) -> Iterator[str]:
    yield name
    for number in count(2):
        yield f"{name} {number}"


def _mask(pair: Pair) -> NDArray[np.bool_]:
    return np.ones(pair.labels.shape, bool) if pair.checked is None else pair.checked
