"""Errors to napari's lower right corner."""

from __future__ import annotations

from napari.utils.notifications import notification_manager, show_error

from napari_nuclei.errors import NucleiError


def notify(error: Exception) -> None:
    """Show one sentence for what we foresaw, and napari's report with traceback for the rest."""
    if isinstance(error, NucleiError):
        show_error(str(error))
    else:
        notification_manager.receive_error(type(error), error, error.__traceback__)
