"""Tells all open widgets that the user's own models are other ones now."""

from __future__ import annotations

from qtpy.QtCore import QObject, Signal


class OwnModels(QObject):
    """`changed` follows whatever adds, renames or deletes a model of the user's.

    Before that, `renamed` tells the old and the new name of one that was renamed.
    """

    changed = Signal()
    renamed = Signal(str, str)


own_models = OwnModels()
"""The one there is: widgets of all windows share the models."""
