from __future__ import annotations

import json
from pathlib import Path

import pytest

from napari_nuclei.errors import RunError
from napari_nuclei.pipeline.before_after import (
    BeforeAfter,
    Figures,
    Report,
    read_report,
    write_report,
)


def change(before: float, after: float) -> BeforeAfter:
    return BeforeAfter(Figures(before, 0.5, 12), Figures(after, 0.6, 12))


def report(held_out: BeforeAfter, base_domain: BeforeAfter | None = None) -> Report:
    return Report(
        held_out=held_out,
        base_domain=base_domain or change(0.7, 0.7),
        checked_nuclei=40,
        images=3,
        share=0.5,
        epochs=6,
        planned_epochs=6,
        ending="done",
        seconds=58.5,
    )


@pytest.mark.parametrize(
    ("after", "is_better", "words"),
    [
        (0.45, True, "Better: mean AP 0.31 -> 0.45 on 12 held-out nuclei."),
        (0.315, False, "Not better than the base model"),
        (0.25, False, "Worse than the base model: mean AP 0.31 -> 0.25"),
    ],
)
def test_the_verdict_says_whether_it_is_better(after: float, is_better: bool, words: str) -> None:
    result = report(change(0.31, after))
    assert result.is_better == is_better
    assert result.verdict.startswith(words)


def test_the_verdict_says_what_was_forgotten() -> None:
    forgetful = report(change(0.3, 0.5), change(0.71, 0.64))
    assert "bundled fluorescence sample than before (mean AP 0.71 -> 0.64)" in forgetful.verdict
    assert "bundled" not in report(change(0.3, 0.5), change(0.71, 0.705)).verdict


def test_a_report_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_report(report(change(0.3, 0.5)), path)
    assert read_report(path) == report(change(0.3, 0.5))
    assert json.loads(path.read_text())["verdict"].startswith("Better")


@pytest.mark.parametrize("content", [None, "", "[]", "{}"])
def test_what_is_no_report_is_none(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "report.json"
    if content is not None:
        path.write_text(content)
    assert read_report(path) is None


def test_a_report_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        write_report(report(change(0.3, 0.5)), tmp_path / "file" / "report.json")
