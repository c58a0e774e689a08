"""Every error a person can meet, each with one sentence that says what is wrong and what to do."""

UNEXPECTED = "unexpected"
"""How the explanation of an error that is a defect of this program begins."""


class NucleiError(Exception):
    """Base of all errors that napari-nuclei raises on purpose."""


class InputError(NucleiError):
    """An image or label array that cannot be used."""


class DatasetError(NucleiError):
    """A data set that is missing, incomplete or inconsistent; names the file and the reason."""


class ModelError(NucleiError):
    """A model that is unknown, corrupt, or made for another version."""


class DownloadError(NucleiError):
    """A file that could not be downloaded or whose sha256 differs from the one expected."""


class RunError(NucleiError):
    """A training run folder that cannot be started, continued or written."""


def explain(error: Exception) -> str:
    """Return what a person needs to know of an error, in one sentence."""
    if isinstance(error, NucleiError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, MemoryError):
        return "there is not enough memory: choose smaller images or batches."
    message = f": {error}" if str(error) else ""
    return f"{UNEXPECTED} {type(error).__name__}{message}"
