"""Errors to napari's lower right corner, and in a line for a widget."""

from __future__ import annotations

from napari.utils.notifications import notification_manager, show_error

from napari_nuclei.errors import NucleiError, explain


def notify(error: Exception) -> None:
    """Show one sentence for what we foresaw, and napari's report with traceback for the rest."""
    if isinstance(error, NucleiError):
        show_error(str(error))
    else:
        notification_manager.receive_error(type(error), error, error.__traceback__)


def failure_in_words(error: Exception) -> str:
    """Return why a run failed, in one line: nobody has to look for the reason elsewhere."""
    reason = " ".join(explain(error).split())
    return reason if isinstance(error, NucleiError) else f"The run failed: {reason}"
