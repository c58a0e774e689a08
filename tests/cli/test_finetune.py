from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from napari_nuclei.cli import finetune as finetune_command
from napari_nuclei.pipeline.before_after import BeforeAfter, Figures, Report
from napari_nuclei.pipeline.messages import EpochEnded, Finished, Started

if TYPE_CHECKING:
    from conftest import Command

Calls = list[dict[str, Any]]

BEFORE, AFTER = Figures(0.31, 0.52, 9), Figures(0.42, 0.66, 9)
REPORT = Report(
    BeforeAfter(BEFORE, AFTER), BeforeAfter(AFTER, AFTER), 41, 3, 0.5, 6, 6, "done", 58.2
)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Put something in the place of the training that only tells what it was asked."""
    made: Calls = []

    def remember(pairs: str, base: str | None, **others: Any) -> None:
        made.append({"pairs": pairs, "base": base, **others})
        others["on_message"](Started(6, 0, 3, 41, 9, BEFORE))
        others["on_message"](EpochEnded(1, 6, 0.512, 0.43, AFTER, "epoch.png", 6.4))
        others["on_message"](Finished("run/model", REPORT))

    monkeypatch.setattr(finetune_command, "finetune", remember)
    return made


def test_it_tells_before_epochs_and_verdict(command: Command, calls: Calls) -> None:
    done = command("finetune", "project", "-o", "run")
    assert done.status == 0
    assert done.out.splitlines() == [
        "41 checked nuclei in 3 images, 9 of them held out; mean AP 0.31  AP50 0.52",
        "epoch 1/6  loss 0.512  held-out loss 0.430  mean AP 0.42  AP50 0.66  6 s",
        "Better: mean AP 0.31 -> 0.42 on 9 held-out nuclei.",
        "held out: mean AP 0.310 -> 0.420  AP50 0.520 -> 0.660  (9 nuclei)",
        "bundled sample: mean AP 0.420 -> 0.420  AP50 0.660 -> 0.660  (9 nuclei)",
        "model: run/model  (58 s)",
    ]
    (call,) = calls
    assert (call["pairs"], call["base"], call["folder"]) == ("project", None, Path("run"))
    assert (call["name"], call["notes"], call["resume"]) == ("my-model", "", False)
    assert (call["max_seconds"], call["seed"]) == (60, 0)


def test_every_option_reaches_the_training(command: Command, calls: Calls) -> None:
    command(
        "finetune", "pairs", "-o", "run", "--base", "nuclei-2", "--name", "mine", "--notes", "H&E",
        "--max-seconds", 90.5, "--seed", 7,
    )  # fmt: skip
    (call,) = calls
    assert (call["base"], call["name"], call["notes"]) == ("nuclei-2", "mine", "H&E")
    assert (call["max_seconds"], call["seed"]) == (90.5, 7)


def test_resuming_goes_on_as_it_began(
    command: Command, calls: Calls, capfd: pytest.CaptureFixture[str]
) -> None:
    command("finetune", "pairs", "-o", "run", "--resume", "--max-seconds", 30)
    (call,) = calls
    assert (call["resume"], call["max_seconds"]) == (True, 30)
    with pytest.raises(SystemExit, match="2"):
        command("finetune", "pairs", "-o", "run", "--resume", "--name", "mine", "--seed", 0)
    assert "leave out name, seed" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere", "--max-seconds", "1"), "no images to learn from"),
        (("nowhere", "--max-seconds", "0"), "choose a time"),
        (("nowhere", "--name", "default"), "the shipped model: choose another"),
        (("nowhere", "--resume"), "no training run to resume here"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(
    command: Command, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    pairs, *options = arguments
    done = command("finetune", tmp_path / pairs, "-o", tmp_path / "run", *options)
    assert (done.status, done.out, done.err.count("\n")) == (1, "", 1)
    assert message in done.err
    assert not (tmp_path / "run").exists()
