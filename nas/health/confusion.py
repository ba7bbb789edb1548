"""Which classes a network takes for which: top-1 of each class, and the confusion matrix."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from supernet.evaluate.accuracy import Accuracy, predictions

NUM_TAKEN_FOR = 3
"""Wrong classes that the record of a class names."""


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """A confusion matrix, as counts; it is sparse, for there may be thousands of classes."""

    classes: tuple[str, ...]
    """Names by label."""
    counts: Mapping[tuple[int, int], int]
    """Images by (label, predicted label); pairs without images are missing."""

    def by_class(self) -> list[dict[str, Any]]:
        """JSON values for each class, in the order of labels.

        `top1` is the share of its images that are classified correctly (recall) with its 95 %
        interval, None without images; `taken_for` are the wrong classes predicted most often.
        """
        num_images = Counter[int]()
        wrong: dict[int, list[tuple[int, int]]] = {label: [] for label in range(len(self.classes))}
        for (label, predicted), count in self.counts.items():
            num_images[label] += count
            if label != predicted:
                wrong[label].append((-count, predicted))
        return [
            {
                "class": name,
                "num_images": num_images[label],
                **_accuracy(num_images[label], self.counts.get((label, label), 0)),
                "taken_for": {
                    self.classes[predicted]: -negative
                    for negative, predicted in sorted(wrong[label])[:NUM_TAKEN_FOR]
                },
            }
            for label, name in enumerate(self.classes)
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain values; `Confusion.from_json` reads them back."""
        cells = [[label, predicted, count] for (label, predicted), count in self.counts.items()]
        return {"classes": list(self.classes), "counts": cells}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Confusion":
        """The inverse of `to_json`."""
        counts = {(label, predicted): count for label, predicted, count in values["counts"]}
        return cls(classes=tuple(values["classes"]), counts=counts)


def _accuracy(num_images: int, num_correct: int) -> dict[str, float | int | None]:
    if num_images == 0:
        return {"num_correct": 0, "top1": None, "top1_low": None, "top1_high": None}
    accuracy = Accuracy(num_images=num_images, num_correct=num_correct)
    low, high = accuracy.interval
    return {
        "num_correct": num_correct,
        "top1": round(accuracy.top1, 4),
        "top1_low": round(low, 4),
        "top1_high": round(high, 4),
    }


def confusion(
    logits: Callable[[Tensor], Tensor],
    batches: Iterable[tuple[Tensor, Tensor]],
    classes: Sequence[str],
) -> Confusion:
    """Count what a network predicts for the images of each class; see `predictions`."""
    counts = Counter[tuple[int, int]]()
    for images, labels in batches:
        predicted = predictions(logits, images).tolist()
        counts.update(zip(labels.tolist(), predicted, strict=True))
    return Confusion(classes=tuple(classes), counts=dict(sorted(counts.items())))


def to_csv(confusions: Mapping[str, Confusion]) -> str:
    """A row for each config_id, class and predicted class, but none for 0 images."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("config_id", "class", "predicted", "num_images"))
    for config_id, each in confusions.items():
        writer.writerows(
            (config_id, each.classes[label], each.classes[predicted], count)
            for (label, predicted), count in each.counts.items()
        )
    return stream.getvalue()
