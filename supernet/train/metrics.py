"""A run's metrics: metrics.csv with one row per epoch, and the same for TensorBoard."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from supernet.checkpoint import replacing
from supernet.errors import SupernetError


class Metrics:
    """metrics.csv in `folder`: epoch, step, lr and `names`; optionally tensorboard/ beside it.

    Raises SupernetError when TensorBoard is requested but not installed.
    """

    def __init__(self, folder: Path, names: Sequence[str], *, tensorboard: bool = False) -> None:
        self.path = folder / "metrics.csv"
        self.names = ["epoch", "step", "lr", *names]
        self.rows: list[dict[str, str]] = []
        self.tensorboard = tensorboard
        self.writer: Any = _writer_class() if tensorboard else None

    def begin(self, step: int) -> None:
        """Take over the rows of a file, but those that a resumed run will repeat.

        Columns that only the file has stay, such as those of corners that are no longer evaluated.
        """
        text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        reader = csv.DictReader(io.StringIO(text))
        rows = [row for row in reader if None not in row and None not in row.values()]
        self.rows = [row for row in rows if row["step"].isdigit() and int(row["step"]) <= step]
        of_file = reader.fieldnames or [] if self.rows else []
        self.names += [name for name in of_file if name not in self.names]
        self._write()
        if self.tensorboard:
            self.writer = self.writer(self.path.parent / "tensorboard", purge_step=step + 1)

    def add(self, epoch: int, step: int, lr: float, values: Mapping[str, float]) -> None:
        """Append one epoch's values; a missing value is left empty."""
        shown = {name: f"{value:.6g}" for name, value in {"lr": lr, **values}.items()}
        self.rows.append({"epoch": str(epoch), "step": str(step), **shown})
        self._write()
        if self.writer is not None:
            for name, value in {"lr": lr, **values}.items():
                self.writer.add_scalar(name.replace("_", "/", 1), value, step)
            self.writer.flush()

    def close(self) -> None:
        """Flush and close the TensorBoard writer."""
        if self.writer is not None and hasattr(self.writer, "close"):
            self.writer.close()

    def _write(self) -> None:
        with replacing(self.path) as temporary, temporary.open("w", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self.names, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)


def _writer_class() -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise SupernetError(
            "--tensorboard needs the package tensorboard, which is not installed: "
            "pip install 'mutualnas[tensorboard]'"
        ) from error
    return SummaryWriter
