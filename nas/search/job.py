"""SearchJob: all settings of a search."""

from dataclasses import dataclass, field

from nas.errors import NasError
from nas.search.samplers import GRID
from planner import Limits
from supernet import SubnetConfig

ROLES = ("all", "latency", "accuracy")


@dataclass(frozen=True, kw_only=True)
class SearchJob:
    """Settings of a search for one target. Raises NasError for invalid values."""

    runtime: str | None = None
    """One of `nas.runtimes.runtime.RUNTIMES`; None: ONNX Runtime on a CPU, eager on CUDA."""
    device: str | None = None
    """cpu, cuda, cuda:1; None: cuda if available."""
    num_threads: int | None = None
    """Threads of the runtime, at most one for each usable core; None: all usable cores."""
    dtype: str = "float32"
    """The dtype that the runtime computes in, also when scoring top1 on `report`; int8 on
    `selection`, too."""
    batch_size: int = 1
    """Images in one timed batch."""
    num_trials: int = 64
    """Total number of candidates."""
    limits: Limits = field(default_factory=Limits)
    """Limits that every entry of the table must satisfy."""
    sampler: str = "guide"
    """The sampler that proposes configs, one of `nas.search.samplers.SAMPLERS`."""
    min_gain: float = 0.0
    """Stop when the guide expects the next candidate to add less than this share of the
    hypervolume."""
    predict_after: int | None = None
    """Number of measured candidates after which latencies are predicted, once the model is good
    enough; None: never."""
    warm_start: tuple[SubnetConfig, ...] = ()
    """Configs to evaluate first, such as the best found on another target."""
    repeatable: bool = False
    """Whether the same seed gives the same candidates on every machine: proposals then depend on
    MACs, not on measured latency, and every candidate is scored on all images."""
    with_memory: bool = False
    """Whether peak memory is an additional objective."""
    storage: str | None = None
    """Optuna storage URL or journal:FILE, which workers can share; None: a file in the run."""
    role: str = "all"
    """Part of each trial that this worker performs: latency (on the target), accuracy or all."""
    seed: int = 0
    """Seeds the order of the grid, the proposals and the order of timing."""
    allow_noisy: bool = False
    """Whether to measure even on a busy machine, and mark the table as noisy."""
    steps_s: float = 20.0
    """Seconds at most to find the steps of the latency, before anything is proposed; 0: all
    widths are proposed. See `nas.search.staircase`."""
    trial_s: float = 0.3
    """Seconds of timing for each candidate during the search."""
    front_s: float = 20.0
    """Seconds of timing for all candidates near the front together, before the table is written."""

    def __post_init__(self) -> None:
        """Raise NasError for a value outside its range or an invalid combination."""
        for name in ("num_trials", "batch_size", "num_threads", "predict_after"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise NasError(f"`{name}` must be 1 or more, but got {value}")
        if self.role not in ROLES:
            raise NasError(f"`role` must be one of {', '.join(ROLES)}, but got {self.role!r}")
        if self.repeatable and self.limits.max_latency_ms is not None:
            raise _not_repeatable("--max-latency-ms")
        if self.repeatable and self.sampler not in ("guide", "random"):
            raise _not_repeatable(f"--sampler {self.sampler}")

    @property
    def has_steps(self) -> bool:
        """Whether the search proposes the steps of the target's latency, which are measured.

        Otherwise it proposes all widths: the grid is the paper's, a repeatable search depends on no
        latency, and between two steps of the latency there are steps of MACs and of memory.
        """
        bounds_others = self.limits.max_macs is not None or self.with_memory
        wants_them = self.steps_s > 0 and self.sampler != GRID and not self.repeatable
        return wants_them and not bounds_others

    @property
    def objectives(self) -> tuple[str, ...]:
        """The sampler's objectives, named as in a candidate's values."""
        names = ("top1", "latency_p50_ms", "macs")
        return (*names, "peak_memory_bytes") if self.with_memory else names


def _not_repeatable(option: str) -> NasError:
    return NasError(
        "with --repeatable, proposals must not depend on measured latency, "
        f"but got {option}; omit one of them"
    )
