"""The network library, which takes seconds to import: at a moment that the caller chooses."""

from __future__ import annotations


def preload() -> None:
    """Import Keras and its backend now rather than at their first use."""
    import keras  # noqa: F401
