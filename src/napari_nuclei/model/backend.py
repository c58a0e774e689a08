"""The network library, which takes seconds to import: at a moment that the caller chooses."""

from __future__ import annotations

QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}
"""Environment in which TensorFlow says no more than what is wrong."""


def preload() -> None:
    """Import Keras and start its backend now rather than at their first use."""
    import keras

    # The first tensor makes TensorFlow look for graphics cards, and talk about it.
    keras.ops.zeros(1)
