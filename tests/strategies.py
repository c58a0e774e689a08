"""Hypothesis strategies that several test modules share."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

# A busy machine is slow, not wrong; pytest's own timeout stops what hangs.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def label_images(
    *, max_side_px: int = 8, max_id: int = 4, shape: tuple[int, int] | None = None
) -> st.SearchStrategy[NDArray[np.int32]]:
    """Draw label images: few pixels, few ids, any of which may be missing or in several pieces."""
    shapes = st.tuples(*[st.integers(1, max_side_px)] * 2) if shape is None else st.just(shape)
    return hnp.arrays(np.int32, shapes, elements=st.integers(0, max_id))


@st.composite
def label_image_pairs(draw: st.DrawFn, **options: Any) -> tuple[NDArray[np.int32], ...]:
    """Draw two label images of one shape; half of the time one is a damaged copy of the other."""
    first = draw(label_images(**options))
    second = draw(label_images(**options | {"shape": first.shape}))
    if draw(st.booleans()):
        kept = draw(hnp.arrays(np.bool_, first.shape, elements=st.just(False), fill=st.just(True)))
        second = np.where(kept, first, second)
    return first, second
