"""Stands for the child process that trains: real messages, run folder and model, no network.

The environment says what it does: after its first epoch it waits to be told to stop with
``FAKE_WAITS``, and the tuned model is worse with ``FAKE_IS_WORSE``.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, replace
from pathlib import Path

import imageio.v3 as iio
import numpy as np

from napari_nuclei.model import contents, manifest
from napari_nuclei.pipeline import runs
from napari_nuclei.pipeline.before_after import BeforeAfter, Figures, Report, write_report
from napari_nuclei.pipeline.finetune import Request
from napari_nuclei.pipeline.messages import EpochEnded, Finished, Started, to_line
from napari_nuclei.pipeline.projects import Project
from napari_nuclei.pipeline.session import MODEL, PAIRS, REPORT
from napari_nuclei.pipeline.snapshot import take_snapshot

EPOCHS = 3
BEFORE = Figures(0.3, 0.5, 2)
TENSORS = {"t": np.zeros(1, np.float32)}


def main() -> None:
    request = Request.from_json(json.loads(sys.stdin.readline()))
    run = runs.reopen(Path(request.folder), ()) if request.resume else start(request)
    with runs.hold(run):
        done = len(run.history.epochs)
        checked = Project(run.folder / PAIRS).read(Project(run.folder / PAIRS).names[0]).n_checked
        say(Started(EPOCHS, done, 1, checked, 2, BEFORE))
        ending = "done"
        for number in range(done + 1, EPOCHS + 1):
            end_epoch(run, number)
            if number == 1 and "FAKE_WAITS" in os.environ:
                if not sys.stdin.readline():
                    sys.exit(3)
                ending = "stopped"
                break
        say(Finished(str(run.folder / MODEL), finish(run, ending)))


def start(request: Request) -> runs.Run:
    base = {"name": "base", "sha256": "0", "folder": os.environ["FAKE_MODEL"]}
    asked = {"name": request.name, "notes": request.notes, "data": "project", "base": base}
    asked["cards"] = os.environ.get("CUDA_VISIBLE_DEVICES")
    run = runs.start(Path(request.folder), {**asked, "options": asdict(request.options)})
    take_snapshot(request.pairs, run.folder / PAIRS)
    return run


def end_epoch(run: runs.Run, number: int) -> None:
    row = {"epoch": number, "loss": 1 / number, "val_loss": 1 / number, "mean_ap": 0.4, "ap50": 0.6}
    run.save_epoch(row, TENSORS, {})
    picture = run.folder / "pictures" / f"{number}.png"
    picture.parent.mkdir(exist_ok=True)
    iio.imwrite(picture, np.zeros((20, 60, 3), np.uint8))
    figures = Figures(row["mean_ap"], row["ap50"], BEFORE.nuclei)
    say(EpochEnded(number, EPOCHS, row["loss"], row["val_loss"], figures, str(picture), 0.1))


def finish(run: runs.Run, ending: str) -> Report:
    copy_model(Path(os.environ["FAKE_MODEL"]), run.folder / MODEL, run.request["name"])
    after = replace(BEFORE, mean_ap=0.2 if "FAKE_IS_WORSE" in os.environ else 0.4)
    gained, kept = BeforeAfter(BEFORE, after), BeforeAfter(BEFORE, BEFORE)
    epochs = len(run.history.epochs)
    report = Report(gained, kept, 6, 1, 1.0, epochs, EPOCHS, ending, 1.0)
    write_report(report, run.folder / REPORT)
    return report


def copy_model(source: Path, target: Path, name: str) -> None:
    found = contents.read(source)
    described = manifest.loads(found[contents.MANIFEST_FILE], source)
    found[contents.MANIFEST_FILE] = manifest.dumps(replace(described, name=name))
    contents.write_folder(target, found)


def say(message: Started | EpochEnded | Finished) -> None:
    sys.stdout.write(f"{to_line(message)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
