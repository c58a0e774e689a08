"""The training loss: cross-entropy of three maps, and the overlap of the nuclei."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_BORDER_SHARE = 1.0
_DISTANCE_SHARE = 1.0
_DICE_SHARE = 0.5
# Borders fill about one pixel in fifty; without a weight they are learnt late or never.
_BORDER_WEIGHT = 4.0


def nuclei_loss(target: Any, logits: Any) -> Any:
    """Return the loss of a batch.

    Parameters
    ----------
    target : tensor
        (N, Y, X, 4): nucleus, border, distance, weight, as `napari_nuclei.core.targets.TARGETS`.
        Pixels of weight 0 have no influence.
    logits : tensor
        (N, Y, X, 3), as `napari_nuclei.model.unet.OUTPUTS`.

    Returns
    -------
    tensor
        A scalar.
    """
    from keras import ops

    weight = target[..., 3]
    total = ops.maximum(ops.sum(weight), 1.0)
    border_weight = weight * (1.0 + (_BORDER_WEIGHT - 1.0) * target[..., 1])
    # The soft target's own entropy is constant: taking it off makes a perfect distance cost 0.
    distance = _crossentropy(target[..., 2], logits[..., 2]) - _entropy(target[..., 2])
    loss = ops.sum(_crossentropy(target[..., 0], logits[..., 0]) * weight) / total
    border = _crossentropy(target[..., 1], logits[..., 1])
    loss += _BORDER_SHARE * ops.sum(border * border_weight) / total
    loss += _DISTANCE_SHARE * ops.sum(distance * weight) / total
    return loss + _DICE_SHARE * _dice_loss(target[..., 0], ops.sigmoid(logits[..., 0]), weight)


def metrics() -> list[Callable[[Any, Any], Any]]:
    """Return the metrics that training prints: loss, accuracy and overlap of the nucleus mask."""
    return [pixel_crossentropy, pixel_accuracy, pixel_iou]


def pixel_crossentropy(target: Any, logits: Any) -> Any:
    """Return the mean cross-entropy between the nucleus mask and its prediction."""
    from keras import ops

    loss = _crossentropy(target[..., 0], logits[..., 0]) * target[..., 3]
    return ops.sum(loss) / ops.maximum(ops.sum(target[..., 3]), 1.0)


def pixel_accuracy(target: Any, logits: Any) -> Any:
    """Return the share of pixels that are rightly called nucleus or background."""
    from keras import ops

    right = ops.cast((logits[..., 0] > 0) == (target[..., 0] > 0.5), "float32") * target[..., 3]
    return ops.sum(right) / ops.maximum(ops.sum(target[..., 3]), 1.0)


def pixel_iou(target: Any, logits: Any) -> Any:
    """Return intersection over union of the predicted and the true nucleus mask of the batch."""
    from keras import ops

    predicted = ops.cast(logits[..., 0] > 0, "float32") * target[..., 3]
    true = target[..., 0] * target[..., 3]
    both = ops.sum(predicted * true)
    return both / ops.maximum(ops.sum(predicted) + ops.sum(true) - both, 1.0)


def _crossentropy(target: Any, logits: Any) -> Any:
    from keras import ops

    return ops.relu(logits) - logits * target + ops.log1p(ops.exp(-ops.abs(logits)))


def _entropy(target: Any) -> Any:
    from keras import ops

    inside = ops.clip(target, 1e-6, 1 - 1e-6)
    return -(inside * ops.log(inside) + (1 - inside) * ops.log(1 - inside))


def _dice_loss(target: Any, probability: Any, weight: Any) -> Any:
    """Return one minus the overlap of the whole batch; an empty tile has no overlap of its own."""
    from keras import ops

    both = ops.sum(target * probability * weight)
    either = ops.sum((target + probability) * weight)
    return 1.0 - (2.0 * both + 1.0) / (either + 1.0)
