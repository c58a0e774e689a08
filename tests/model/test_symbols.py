"""TensorFlow and napari's canvas live in one process, whichever comes first."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

# Ends at once: what is tested is that it gets there, not how two libraries take their leave.
SCRIPT = """
import os, sys
import napari_nuclei.model

def network():
    import tensorflow as tf
    assert float(tf.reduce_sum(tf.function(lambda x: x @ x)(tf.ones((4, 4))))) == 64

def canvas():
    import napari, numpy
    viewer = napari.Viewer(show=False)
    viewer.add_image(numpy.eye(64))
    assert viewer.screenshot(canvas_only=True, flash=False).any()

for step in sys.argv[1:]:
    {"network": network, "canvas": canvas}[step]()
print("alive", flush=True)
os._exit(0)
"""


@pytest.mark.skipif(
    sys.platform == "linux" and not os.environ.get("DISPLAY"), reason="there is no screen"
)
@pytest.mark.parametrize("order", ["network canvas", "canvas network canvas"])
def test_network_and_canvas_live_in_one_process(order: str) -> None:
    command = [sys.executable, "-c", SCRIPT, *order.split()]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.stdout.splitlines()[-1:] == ["alive"], result.stderr[-2000:]


def test_import_of_tensorflow_leaves_the_loader_as_it_was() -> None:
    script = (
        "import sys, napari_nuclei.model; before = sys.getdlopenflags(); import tensorflow\n"
        "assert sys.getdlopenflags() == before\n"
        "assert 'tensorflow.python.pywrap_dlopen_global_flags' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


def test_asking_whether_tensorflow_is_there_does_not_load_it() -> None:
    script = (
        "import sys, importlib.util, napari_nuclei.model\n"
        "assert importlib.util.find_spec('tensorflow').name == 'tensorflow'\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
