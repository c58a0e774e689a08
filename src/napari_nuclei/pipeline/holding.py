"""A folder that one process at a time works in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from napari_nuclei import files
from napari_nuclei.errors import RunError


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other processes from a folder for as long as the block runs.

    Parameters
    ----------
    folder : Path
        It exists.

    Raises
    ------
    RunError
        When another process, or another block in this one, is at it, or the folder refuses.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(files.locked(folder / ".lock"))
        except BlockingIOError as error:
            raise RunError(
                f"{folder}: another process is still at it; wait for that to end."
            ) from error
        except OSError as error:
            raise RunError(f"{folder}: cannot be written ({error.strerror}).") from error
        yield
