from __future__ import annotations

import hashlib

from napari_nuclei import paths


def test_the_notice_is_that_of_the_weights_beside_it() -> None:
    weights = paths.imagenet_encoder()
    notice = weights.with_name("NOTICE.md").read_text(encoding="utf-8")
    assert hashlib.sha256(weights.read_bytes()).hexdigest() in notice
    assert "Copyright (c) 2021 Ling Evan\n\nPermission is hereby granted" in notice
