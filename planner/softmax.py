"""Class probabilities from an artifact's logits; needs numpy."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from planner.errors import InvalidValue

if TYPE_CHECKING:
    from numpy.typing import NDArray


def class_probabilities(
    class_names: Sequence[str], logits: "NDArray[Any]"
) -> list[tuple[str, float]]:
    """Return (class, probability) pairs, the most probable first, for one photo's logits.

    `logits` (num_classes,) is a row of what an artifact returns; the probabilities are its softmax.
    Raises InvalidValue unless there is one logit for each class and none is NaN.
    """
    import numpy

    if logits.shape != (len(class_names),):
        raise InvalidValue(
            f"`logits` must have the shape ({len(class_names)},), one for each class, "
            f"but got {logits.shape}"
        )
    if not numpy.isfinite(logits.max()):  # NaN if one is
        raise InvalidValue("`logits` must be finite, but are not: the network or its input is bad")
    powers = numpy.exp(logits.astype(numpy.float64) - logits.max())
    shares = (powers / powers.sum()).tolist()
    order = numpy.argsort(-logits, kind="stable").tolist()
    return [(class_names[index], shares[index]) for index in order]
