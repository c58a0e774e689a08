"""Who does the work on blocks: threads of this process, or a cluster of dask's."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, TypeAlias

from napari_nuclei.errors import RunError
from napari_nuclei.pipeline.blocks.work import segment_block, segment_block_remotely
from napari_nuclei.pipeline.prediction import Progress

if TYPE_CHECKING:
    from napari_nuclei.model.predictor import Predictor
    from napari_nuclei.pipeline.blocks.files import Place
    from napari_nuclei.pipeline.blocks.plan import Plan

_Submit: TypeAlias = "Callable[[Plan, Place], Future[None]]"

# While one parts nuclei, the network runs for the other; more would only take more memory.
_THREADS = 2
_LOOK_S = 0.3
_CONNECT_S = 10


def work_steps(
    plan: Plan, places: Iterable[Place], predictor: Predictor, scheduler: str | None
) -> Generator[Progress, None, None]:
    """Segment the blocks that are not finished yet.

    Parameters
    ----------
    plan : Plan
        What is the same for all blocks.
    places : iterable of Place
        All blocks.
    predictor : Predictor
        For threads of this process.
    scheduler : str or None
        Address of a cluster such as ``tcp://host:8786``; None: threads of this process.

    Yields
    ------
    Progress
        Blocks; several times a second. Closing the generator stops the work; blocks that are
        finished stay.

    Raises
    ------
    RunError
        When the cluster cannot be reached, ends, or does not write where this process reads.
    """
    waiting = [place for place in places if not plan.folder.has(place)]
    total = plan.image.n_planes * len(plan.grid)
    yield Progress(total - len(waiting), total)
    team = _threads(predictor) if scheduler is None else _cluster(scheduler)
    with team as submit:
        pending = {submit(plan, place) for place in waiting}
        while pending:
            finished, pending = wait(pending, _LOOK_S, FIRST_COMPLETED)
            for future in finished:
                future.result()
            yield Progress(total - len(pending), total)
    lost = next((place for place in waiting if not plan.folder.has(place)), None)
    if lost:
        raise RunError(
            f"{plan.folder.path}: the workers write elsewhere; choose an output folder that all "
            "computers of the cluster share."
        )


@contextmanager
def _threads(predictor: Predictor) -> Iterator[_Submit]:
    stop = Event()
    pool = ThreadPoolExecutor(_THREADS, "napari-nuclei-blocks")

    def submit(plan: Plan, place: Place) -> Future[None]:
        return pool.submit(segment_block, plan, place, predictor, stop.is_set)

    try:
        yield submit
    finally:
        stop.set()
        # Nobody has to wait until the threads notice: they save nothing any more.
        pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _cluster(address: str) -> Iterator[_Submit]:
    try:
        from distributed import Client, KilledWorker
    except ImportError as error:
        raise RunError(
            'A scheduler needs dask.distributed: pip install "napari-nuclei[cluster]".'
        ) from error
    try:
        client = Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise RunError(f"No scheduler answers at {address}: check the address.") from error
    with client:
        pool = client.get_executor(pure=False)
        try:
            yield partial(pool.submit, segment_block_remotely)
        except (KilledWorker, CancelledError) as error:
            raise RunError(
                f"The cluster at {address} lost a worker or went away: finished blocks are kept, "
                "run again to go on."
            ) from error
        finally:
            pool.shutdown(wait=False)
