"""The network and its storage: the only importer of Keras and TensorFlow, inside functions."""

from napari_nuclei.model.symbols import keep_tensorflow_private

keep_tensorflow_private()
