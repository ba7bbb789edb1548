"""OnnxModel: a network in ONNX Runtime, loaded from a file and warmed up.

Needs the extra `runtime` (onnxruntime and numpy).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planner.errors import DamagedTable, InvalidValue

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUM_WARM_UP_RUNS = 2
PIXELS = "planner.preprocess makes one of photos, whose pixels the artifact normalises itself"


class OnnxModel:
    """Runs one ONNX file with one input and one output on the CPU; `run` is thread-safe."""

    def __init__(self, path: Path, num_threads: int) -> None:
        """Load the file and run it on zeros.

        The first run of a network allocates memory and takes many times as long as later ones.
        Raises InvalidValue if onnxruntime is missing and DamagedTable if it can't load the file.
        """
        try:
            import onnxruntime
        except ImportError as error:
            raise InvalidValue(
                "onnxruntime must be installed: pip install 'mutualnas[runtime]'"
            ) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
            self._warm_up()
        except Exception as error:  # onnxruntime documents no exception class
            raise DamagedTable(
                f"{path} must be a model that ONNX Runtime can load, but it reports: "
                + " ".join(str(error).split())[:200]
            ) from error

    def run(self, batch: "NDArray[Any]") -> "NDArray[Any]":
        """Return the network's outputs for one batch.

        Raises InvalidValue where the batch has another type or shape than the network's input.
        """
        outputs: NDArray[Any]
        try:
            (outputs,) = self._session.run(None, {self._feed: batch})
        except Exception as error:  # onnxruntime documents no exception class
            if self._fits(batch):
                raise
            raise InvalidValue(
                f"a batch must be {self._dtype} {_shown(self._shape)}, but got {_described(batch)}"
                + (f": {PIXELS}" if self._dtype == "uint8" else "")
            ) from error
        return outputs

    def _fits(self, batch: Any) -> bool:
        """Whether the network takes it, by its type and shape."""
        shape = getattr(batch, "shape", ())
        return (
            str(getattr(batch, "dtype", "")) == self._dtype
            and len(shape) == len(self._shape)
            and all(side in (own, None) for own, side in zip(shape, self._shape, strict=True))
        )

    def _warm_up(self) -> None:
        import numpy

        (feed,) = self._session.get_inputs()
        self._feed: str = feed.name
        self._shape = [side if isinstance(side, int) else None for side in feed.shape]
        kind = feed.type.removeprefix("tensor(").removesuffix(")")  # float, uint8, float16 ...
        self._dtype = {"float": "float32", "double": "float64"}.get(kind, kind)
        zeros = numpy.zeros([side or 1 for side in self._shape], self._dtype)
        for _ in range(NUM_WARM_UP_RUNS):
            self.run(zeros)


def _shown(shape: Sequence[int | None]) -> str:
    return f"({', '.join('N' if side is None else str(side) for side in shape)})"


def _described(batch: Any) -> str:
    """The type and shape of what is no batch."""
    if hasattr(batch, "dtype") and hasattr(batch, "shape"):
        return f"{batch.dtype} {_shown(batch.shape)}"
    return f"a {type(batch).__name__}"
