"""``python -m napari_nuclei``: the same as the command ``napari-nuclei``."""

from __future__ import annotations

import sys

from napari_nuclei.cli import main

sys.exit(main())
