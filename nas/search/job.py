"""SearchJob: what to search for and how, as one value."""

from dataclasses import dataclass, field

from nas.errors import NasError
from planner import Limits
from supernet import SubnetConfig

ROLES = ("all", "latency", "accuracy")


@dataclass(frozen=True, kw_only=True)
class SearchJob:
    """A search for one target. Raises NasError for values that can't be searched with."""

    runtime: str | None = None
    """A key of `nas.runtimes.runtime.RUNTIMES`; None: ONNX Runtime on a CPU, eager on CUDA."""
    device: str | None = None
    """cpu, cuda, cuda:1; None: the best there is."""
    num_threads: int | None = None
    """Threads of the runtime; None: all cores."""
    dtype: str = "float32"
    """What the runtime computes in; top1 on `report` is scored in it, too."""
    batch_size: int = 1
    """Images in one timed batch."""
    num_trials: int = 64
    """Candidates in all."""
    limits: Limits = field(default_factory=Limits)
    """What every entry of the table must keep."""
    sampler: str = "guide"
    """Proposes configs; one of `nas.search.samplers.SAMPLERS`."""
    min_gain: float = 0.0
    """Stop when the guide expects the next candidate to add less than this share of the
    hypervolume."""
    predict_after: int | None = None
    """After as many measured candidates predict latencies, where the model is good enough."""
    warm_start: tuple[SubnetConfig, ...] = ()
    """Configs to evaluate first, such as the best found on another target."""
    repeatable: bool = False
    """Whether the same seed must evaluate the same candidates on every machine: proposals then
    depend on MACs, not on measured latency, and every candidate is scored on all images."""
    with_memory: bool = False
    """Whether peak memory is an objective, too."""
    storage: str | None = None
    """An Optuna storage URL, or journal:FILE, that workers share; None: a file in the run."""
    role: str = "all"
    """Which part of each trial this worker does: latency (on the target), accuracy or all."""
    seed: int = 0
    """Of the grid's order, the proposals and the order of timing."""
    allow_noisy: bool = False
    """Whether to measure on a busy machine, too, and mark the table."""
    trial_s: float = 0.3
    """Seconds of timing for each candidate; those near the front are timed again."""
    front_s: float = 20.0
    """Seconds of timing for all that are near the front together."""

    def __post_init__(self) -> None:
        """Raise NasError for a value outside its range, or two that exclude each other."""
        for name in ("num_trials", "batch_size", "num_threads", "predict_after"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise NasError(f"`{name}` must be 1 or more, but got {value}")
        if self.role not in ROLES:
            raise NasError(f"`role` must be one of {', '.join(ROLES)}, but got {self.role!r}")
        if self.repeatable and self.limits.max_latency_ms is not None:
            raise _measured("--max-latency-ms")
        if self.repeatable and self.sampler not in ("guide", "random"):
            raise _measured(f"--sampler {self.sampler}")

    @property
    def objectives(self) -> tuple[str, ...]:
        """What the sampler optimises, by its names in a candidate's values."""
        names = ("top1", "latency_p50_ms", "macs")
        return (*names, "peak_memory_bytes") if self.with_memory else names


def _measured(hindrance: str) -> NasError:
    return NasError(
        "with --repeatable nothing that is proposed may depend on measured latency, "
        f"but got {hindrance}: leave one of them out"
    )
