from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import fresh


def test_a_probe_answers_from_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # wherever it is called from

    answer, seconds = fresh.run("import")

    assert 0 < answer < seconds


def test_a_probe_that_does_not_exist_gives_no_answer() -> None:
    with pytest.raises(json.JSONDecodeError):
        fresh.run("nothing")
