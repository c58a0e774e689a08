"""Kill fine-tunings at random moments, the child or its parent, and see that nothing is lost.

    python -m benchmarks.kills --rounds 20

After every kill the base model, an earlier model, the corrections and the newest checkpoint must be
whole, and the resumed training must end at the number of epochs that was planned.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_nuclei.core.diameter import DiameterRange
from napari_nuclei.core.instances import InstanceOptions
from napari_nuclei.model import store, unet
from napari_nuclei.model.network import Network
from napari_nuclei.pipeline import runs
from napari_nuclei.pipeline.finetune import Request
from napari_nuclei.pipeline.messages import Finished, Message
from napari_nuclei.pipeline.process import TrainingProcess
from napari_nuclei.pipeline.projects import Pair, Project
from napari_nuclei.pipeline.recipe import FinetuneOptions

EPOCHS = 6
_CONFIG = unet.UNetConfig((8, 8, 8, 8))
_ORPHAN_SECONDS = 120
_PARENT = """
import json, sys
from napari_nuclei.pipeline.finetune import Request
from napari_nuclei.pipeline.process import TrainingProcess
for message in TrainingProcess(Request.from_json(json.loads(sys.argv[1]))).messages(): pass
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill round by round; the exit status is 1 when something was lost."""
    parser = argparse.ArgumentParser(
        "benchmarks.kills", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--rounds", type=int, default=20, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    args = parser.parse_args(arguments)
    rng = np.random.default_rng(args.seed)
    with tempfile.TemporaryDirectory() as folder:
        request = _prepare(Path(folder))
        started = time.monotonic()
        _end_of(TrainingProcess(request).messages())
        longest = time.monotonic() - started
        known = _contents(request)
        survived = 0
        for number in range(args.rounds):
            victim, moment = ("child", "parent")[number % 2], float(rng.uniform(0, longest))
            this = replace(request, folder=str(Path(folder, f"run-{number}")))
            problem = _round(this, victim, moment)
            if _contents(request) != known:
                problem += " A model or the corrections have changed."
            survived += not problem
            outcome = problem or "all is there"
            print(f"{number + 1}  {victim} killed after {moment:.1f} s: {outcome}", flush=True)
    print(f"{survived} of {args.rounds} rounds without a loss")
    return int(survived < args.rounds)


def _prepare(folder: Path) -> Request:
    """Write a base model and a project, both tiny."""
    y, x = np.indices((80, 160))
    labels = (x // 40 + 4 * (y // 40) + 1) * ((x % 40 - 20) ** 2 + (y % 40 - 20) ** 2 < 100)
    Project(folder / "project").save(Pair("discs", 200 * (labels > 0), labels.astype(np.int32)))
    store.save_model(
        folder / "base",
        Network.of(unet.build(_CONFIG), _CONFIG),
        name="base",
        thresholds=InstanceOptions(),
        diameters=DiameterRange(12, 46),
        provenance={},
    )
    options = FinetuneOptions(max_seconds=600, batch_size=2, max_steps=EPOCHS)
    return Request(
        str(folder / "project"), str(folder / "first"), str(folder / "base"), options=options
    )


def _contents(request: Request) -> dict[Path, bytes]:
    """Return all files that no training may touch: corrections, base model, an earlier run."""
    folders = (request.pairs, request.base or "", request.folder)
    return {
        path: path.read_bytes()
        for folder in folders
        for path in Path(folder).rglob("*")
        if path.is_file()
    }


def _round(request: Request, victim: str, moment: float) -> str:
    """Kill one training and resume it; return what was lost, or nothing."""
    _kill(request, victim, moment)
    run = Path(request.folder)
    try:
        if runs.Run(run, {}).history.checkpoints and (run / "checkpoints").exists():
            runs.Run(run, {}).load_newest()
        finished = _when_free(request)
    except Exception as error:  # noqa: BLE001  (whatever it is, it is the finding)
        return f"{type(error).__name__}: {error}"
    epochs = finished.report.epochs
    return "" if epochs == EPOCHS else f"it ended at epoch {epochs} of {EPOCHS}"


def _kill(request: Request, victim: str, moment: float) -> None:
    if victim == "child":
        child = TrainingProcess(request)
        time.sleep(moment)
        child.close()
        return
    command = [sys.executable, "-c", _PARENT, json.dumps(request.to_json())]
    with subprocess.Popen(command) as parent:
        time.sleep(moment)
        parent.kill()


def _when_free(request: Request) -> Finished:
    """Resume, or begin anew, as soon as an orphan has noticed that it is one.

    Until then it may even begin the run, between the look at its folder and the new process.
    """
    end = time.monotonic() + _ORPHAN_SECONDS
    while True:
        has_begun = Path(request.folder, "run.json").exists()
        try:
            return _end_of(TrainingProcess(replace(request, resume=has_begun)).messages())
        except RuntimeError as error:
            is_orphans = any(sign in str(error) for sign in ("another process", "already"))
            if not is_orphans or time.monotonic() > end:
                raise


def _end_of(messages: Iterator[Message]) -> Finished:
    *_, last = messages
    if not isinstance(last, Finished):
        raise RuntimeError(str(last))
    return last


if __name__ == "__main__":
    sys.exit(main())
