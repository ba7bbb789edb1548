"""SearchJob: all settings of a search."""

from dataclasses import dataclass

from nas.errors import NasError
from nas.evaluate.choice import DEFAULT_OBJECTIVES
from nas.evaluate.constraint import Constraint
from nas.evaluate.measures import EXTRA, MEASURES, is_latency, require_known
from nas.runtimes.runtime import DTYPES
from nas.search.samplers import GRID
from supernet import SubnetConfig

ROLES = ("all", "latency", "accuracy")


@dataclass(frozen=True, kw_only=True)
class SearchJob:
    """Settings of a search for one target. Raises NasError for invalid values."""

    runtime: str | None = None
    """One of `nas.runtimes.registry.RUNTIMES`; None: ONNX Runtime on a CPU, a CUDA
    graph on CUDA."""
    device: str | None = None
    """cpu, cuda, cuda:1; None: cuda if available."""
    num_threads: int | None = None
    """Threads of the runtime, at most one for each usable core; None: all usable cores."""
    dtypes: tuple[str, ...] = ("float32",)
    """The number types that the runtime computes in, also when scoring top1. Of several, a
    candidate is a config in one of them. The command's default is `default_dtype`'s."""
    batch_size: int = 1
    """Images in one timed batch."""
    num_trials: int = 128
    """Total number of candidates."""
    objectives: tuple[str, ...] = DEFAULT_OBJECTIVES
    """Names of `nas.evaluate.measures.MEASURES`: top1 first, then one cost or several. Entries are
    their Pareto front."""
    constraints: tuple[Constraint, ...] = ()
    """What every entry of the table must keep."""
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
        if not self.dtypes or len({*self.dtypes} & {*DTYPES}) < len(self.dtypes):
            raise NasError(
                f"`dtypes` must be different ones of {', '.join(DTYPES)}, "
                f"but got {' '.join(self.dtypes) or 'none'}"
            )
        if self.role not in ROLES:
            raise NasError(f"`role` must be one of {', '.join(ROLES)}, but got {self.role!r}")
        require_known(self.objectives, "an objective")
        costs = self.objectives[1:]
        if self.objectives[:1] != ("top1",) or not costs or "top1" in costs:
            raise NasError(
                "objectives must be top1 and then one cost or more, "
                f"but got {' '.join(self.objectives) or 'none'}"
            )
        if len(set(costs)) < len(costs):
            raise NasError(f"an objective must be given once, but got {' '.join(self.objectives)}")
        for each in self.constraints if self.repeatable else ():
            if not MEASURES[each.name].is_exact:
                raise _not_repeatable(str(each))
        for name in EXTRA if self.repeatable else ():
            if name in self.objectives:
                raise _not_repeatable(f"the objective {name}")
        if self.repeatable and len(self.dtypes) > 1:
            raise _not_repeatable(f"--dtypes {' '.join(self.dtypes)}, which have the same MACs")
        if self.repeatable and self.sampler not in ("guide", "random"):
            raise _not_repeatable(f"--sampler {self.sampler}")

    @property
    def has_steps(self) -> bool:
        """Whether the search proposes the steps of the target's latency, which are measured.

        Otherwise it proposes all widths: the grid is the paper's, a repeatable search depends on no
        latency, and between two steps of the latency there are steps of MACs and of memory.
        """
        wants_them = self.steps_s > 0 and self.sampler != GRID and not self.repeatable
        return wants_them and all(map(is_latency, self.measures - {"top1"}))

    @property
    def named_dtypes(self) -> tuple[str, ...]:
        """The number types of which each config names one; () where there is only one."""
        return self.dtypes if len(self.dtypes) > 1 else ()

    @property
    def measures(self) -> set[str]:
        """Names of all that it optimises or bounds."""
        return {*self.objectives, *(each.name for each in self.constraints)}

    @property
    def proposed_by(self) -> tuple[str, ...]:
        """The objectives that the sampler sees: a repeatable search puts MACs for latencies."""
        exact = ("macs" if is_latency(name) else name for name in self.objectives)
        return tuple(dict.fromkeys(exact)) if self.repeatable else self.objectives

    @property
    def max_latency_ms(self) -> float | None:
        """The tightest bound on a latency; None if there is none."""
        bounds = [each.bound for each in self.constraints if is_latency(each.name)]
        return min(bounds, default=None)


def _not_repeatable(option: str) -> NasError:
    return NasError(
        "with --repeatable, proposals must not depend on measured latency, "
        f"but got {option}; omit one of them"
    )
