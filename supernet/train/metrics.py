"""A run's metrics: metrics.csv with one row per epoch, and the same for TensorBoard."""

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
        self.names = list(names)
        self.header = ",".join(["epoch", "step", "lr", *self.names])
        self.tensorboard = tensorboard
        self.writer: Any = _writer_class() if tensorboard else None

    def begin(self, step: int) -> None:
        """Drop rows of steps that a resumed run will repeat, and an incomplete row."""
        rows = self.path.read_text().splitlines()[1:] if self.path.exists() else []
        width = len(self.header.split(","))
        whole = [row.split(",") for row in rows if len(row.split(",")) == width]
        kept = [",".join(row) for row in whole if row[1].isdigit() and int(row[1]) <= step]
        self._write([self.header, *kept])
        if self.tensorboard:
            self.writer = self.writer(self.path.parent / "tensorboard", purge_step=step + 1)

    def add(self, epoch: int, step: int, lr: float, values: Mapping[str, float]) -> None:
        """Append one epoch's values; a missing value is left empty."""
        shown = [f"{values[name]:.6g}" if name in values else "" for name in self.names]
        rows = self.path.read_text().splitlines()
        self._write([*rows, ",".join([str(epoch), str(step), f"{lr:.6g}", *shown])])
        if self.writer is not None:
            for name, value in {"lr": lr, **values}.items():
                self.writer.add_scalar(name.replace("_", "/", 1), value, step)
            self.writer.flush()

    def close(self) -> None:
        """Flush and close the TensorBoard writer."""
        if self.writer is not None and hasattr(self.writer, "close"):
            self.writer.close()

    def _write(self, rows: Sequence[str]) -> None:
        with replacing(self.path) as temporary:
            temporary.write_text("\n".join(rows) + "\n")


def _writer_class() -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise SupernetError(
            "--tensorboard needs the package tensorboard, which is not installed: "
            "pip install 'mutualnas[tensorboard]'"
        ) from error
    return SummaryWriter
