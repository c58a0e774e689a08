"""Corrected images and a base model -> a better model, in about a minute on a laptop."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_nuclei.errors import NucleiError
from napari_nuclei.model import backend, store
from napari_nuclei.model.manifest import check_own_name
from napari_nuclei.pipeline import runs
from napari_nuclei.pipeline.before_after import read_report
from napari_nuclei.pipeline.messages import Finished, Message
from napari_nuclei.pipeline.opening import open_session
from napari_nuclei.pipeline.recipe import FinetuneOptions
from napari_nuclei.pipeline.session import MODEL, REPORT
from napari_nuclei.pipeline.steps import never, result_of

if TYPE_CHECKING:
    from napari_nuclei.pipeline.projects import Pair

REQUEST_KEYS = frozenset({"name", "notes", "data", "base", "options"})
"""What ``run.json`` of a fine-tuning has."""


@dataclass(frozen=True)
class Request:
    """What is asked of a fine-tuning: all of it survives a way through JSON.

    Attributes
    ----------
    pairs : str
        A project folder or data set.
    folder : str
        The run folder: missing or empty, or with `resume` the one to continue.
    base : str, optional
        Name or folder of the base model; default: the shipped one.
    name, notes : str
        Of the new model.
    options : FinetuneOptions
    resume : bool
        Go on where the run stopped; of the rest, only `pairs` and the time count then.
    """

    pairs: str
    folder: str
    base: str | None = None
    name: str = "my-model"
    notes: str = ""
    options: FinetuneOptions = field(default_factory=FinetuneOptions)
    resume: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Request:
        """Return the request that `to_json` described."""
        return cls(**{**content, "options": FinetuneOptions.from_json(content["options"])})


def finetune(
    pairs: str | Path | Sequence[Pair],
    base: str | Path | None = None,
    *,
    folder: str | Path,
    name: str = "my-model",
    notes: str = "",
    resume: bool = False,
    on_message: Callable[[Message], object] | None = None,
    **options: Any,
) -> store.Model:
    """Tune a model with corrected images; its scores before and after are in ``report.json``.

    Parameters
    ----------
    pairs : str, Path or sequence of Pair
        A project folder, a data set (``images/`` and ``labels/``, if need be ``checked/``), or the
        images themselves. A part of them is held out to score the model.
    base : str or Path, optional
        Name or folder of the model to begin with; default: the one that ships with the package.
    folder : str or Path
        The run folder: missing or empty, or with `resume` the one to continue.
    name, notes : str
        Of the new model.
    resume : bool
        Continue after the last epoch that was completed.
    on_message : callable, optional
        Gets each message of `napari_nuclei.pipeline.messages` as it comes.
    **options
        Fields of `FinetuneOptions`, such as ``max_seconds``.

    Returns
    -------
    Model
        From ``folder/model``; not yet one of the user's own models.

    Raises
    ------
    DatasetError
        When the pairs cannot be read, or too few nuclei were checked.
    ModelError
        When the base model is unknown or damaged, or the name is not valid.
    RunError
        When the run folder cannot be used or written.
    """
    in_memory = None if isinstance(pairs, str | Path) else pairs
    request = Request(
        pairs="" if in_memory is not None else str(pairs),
        folder=str(folder),
        base=None if base is None else str(base),
        name=name,
        notes=notes,
        options=FinetuneOptions(**options),
        resume=resume,
    )
    return result_of(finetune_steps(request, in_memory), on_message)


def finetune_steps(
    request: Request,
    pairs: Sequence[Pair] | None = None,
    is_stopped: Callable[[], bool] = never,
) -> Generator[Message, None, store.Model]:
    """Tune a model message by message, so that a caller can show them and stop.

    Parameters
    ----------
    request : Request
        What is asked.
    pairs : sequence of Pair, optional
        In the place of those of the request.
    is_stopped : callable, optional
        Asked before each step; True ends the training and makes a model of the best weights so far.

    Yields
    ------
    Message
        `Started`, an `EpochEnded` for each epoch, `Finished`.

    Returns
    -------
    Model

    Raises
    ------
    NucleiError
        As `finetune`; what was done stays and can be resumed, unless no epoch was completed.
    """
    backend.preload()
    started = time.monotonic()
    run = _open_run(request)
    try:
        with runs.hold(run):
            yield from _steps(run, request, pairs, started, is_stopped)
    except NucleiError:
        if not request.resume:
            runs.discard_vain(run)
        raise
    return store.load_model(run.folder / MODEL)


def _steps(
    run: runs.Run,
    request: Request,
    pairs: Sequence[Pair] | None,
    started: float,
    is_stopped: Callable[[], bool],
) -> Generator[Message, None, None]:
    report = read_report(run.folder / REPORT)
    if report is None or not report.is_complete:
        session = open_session(run, request, pairs, started, is_stopped)
        yield session.begin()
        yield from session.train()
        report = session.finish()
    yield Finished(str(run.folder / MODEL), report)


def _open_run(request: Request) -> runs.Run:
    folder = Path(request.folder)
    if request.resume:
        return runs.reopen(folder, REQUEST_KEYS)
    # After a minute of training would be a bad moment to find these wrong.
    check_own_name(request.name)
    base = store.load_model(request.base)
    return runs.start(
        folder,
        {
            "name": request.name,
            "notes": request.notes,
            "data": Path(request.pairs).name,
            "base": {"name": base.name, "sha256": base.sha256, "folder": str(base.folder)},
            "options": asdict(request.options),
        },
    )
