from __future__ import annotations

import pytest

from benchmarks import blocks


@pytest.mark.parametrize("side", ["300", "0", "-256", "large"])
def test_a_side_that_pieces_do_not_fill_is_wrong_use(
    side: str, tmp_path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        blocks.main([str(tmp_path), "--sides", side])
    assert exit_.value.code == 2
    assert "--sides" in capsys.readouterr().err
