"""Evaluator: measures the costs and accuracy of one supernet's configs on one target."""

import random
import socket
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from nas.conversions import planner_config, planner_latency
from nas.cost.macs import count_macs, count_params
from nas.errors import NasError
from nas.evaluate.evaluation import Bits, Costs, Device, Evaluation, strongest_rival
from nas.evaluate.measures import EXTRA
from nas.evaluate.racing import Race, accuracy_of
from nas.evaluate.reference_network import reference_workload
from nas.evaluate.scores import Score, Scores
from nas.meter.energy import energy_mj, nvml, rapl
from nas.meter.latency import Measurement, measure_latency
from nas.number_types import dtype_of, typed
from nas.runtimes import CompiledNetwork, Runtime
from nas.runtimes.from_pixels import FromPixels
from nas.runtimes.mixed import dtypes_of, in_dtype
from nas.runtimes.runtime import NUM_CALIBRATION_IMAGES
from planner import Candidate
from supernet import SubnetConfig, Supernet
from supernet.evaluate.accuracy import (
    Accuracy,
    Images,
    calibrated_subnet,
    correct_images,
)

if TYPE_CHECKING:
    from nas.cost.predicted_latency import PredictedLatency  # scikit-learn takes a second to import


MAX_KEPT_BYTES = 512 * 2**20
"""Size of the evaluated networks that are kept, compiled, in case that they are on the front."""


class Evaluator:
    """Evaluates the subnets of one supernet on one target.

    Args:
        supernet: in eval mode; it is not changed.
        images: images of the data that it was trained on.
        runtime: times the extracted subnets. If it computes in several number types
            (`nas.runtimes.mixed`), configs say theirs (`nas.number_types`).
        batch_size: images in one timed batch.
        seed: shuffles the candidates in each round of timing, and the images of each race.
        measures: names of further `nas.evaluate.measures.EXTRA` to measure for each candidate.
        scores: keeps scores for other searches; None: every evaluation scores anew.
    """

    def __init__(
        self,
        supernet: Supernet,
        images: Images,
        runtime: Runtime,
        *,
        batch_size: int,
        seed: int,
        measures: Collection[str] = (),
        scores: Scores | None = None,
    ) -> None:
        self.supernet, self.images, self.runtime = supernet, images, runtime
        self.measures = [name for name in EXTRA if name in measures]
        self._scores = _by_dtype(scores, runtime) if scores else {}
        self.batch_size, self.seed, self.rng = batch_size, seed, random.Random(seed)
        self._kept: dict[SubnetConfig, CompiledNetwork] = {}
        self._kept_bytes = 0

    def evaluate(
        self,
        config: SubnetConfig,
        *,
        max_s: float,
        rivals: Iterable[Evaluation] = (),
        predicted: "PredictedLatency | None" = None,
        costs: Costs | None = None,
    ) -> Evaluation:
        """Measure a config's costs and score its top1 on `selection`, if it is not known.

        Args:
            config: a config of the supernet.
            max_s: time limit in seconds for timing. A noisy measurement is no error, because front
                candidates are timed again before the table is written.
            rivals: evaluated candidates; scoring stops early once one of them is better with 95 %
                confidence (`nas.evaluate.racing`).
            predicted: a latency model. If it can predict, nothing is timed; otherwise it learns
                from this config.
            costs: costs measured by another worker; None measures them here.
        """
        scores = self._scores.get(dtype_of(config))
        known = scores.of(config) if scores else self._nothing
        network = self._to_time(config) if known.is_whole else self._calibrated(config)
        compiled = cache(partial(self._compiled, network, config))
        costs = costs or self._costs(network, compiled, config.resolution, max_s, predicted)
        race = self._race(config, costs, [*rivals])
        score = self._score(network, compiled, config, known, race)
        if not known.is_whole and compiled.cache_info().currsize:
            self._keep(config, compiled(), 4 * costs.num_params)
        candidate = Candidate(
            config=planner_config(config),
            origin="search",
            accuracy=accuracy_of(score.correct) if score.is_whole else race.accuracy(),
            macs=costs.macs,
            num_params=costs.num_params,
            latency=costs.latency,
            peak_memory_bytes=costs.peak_memory_bytes,
        )
        if predicted:
            predicted.learn(network, candidate)
        correct = score.correct if score.is_whole else race.correct
        return Evaluation(
            candidate=candidate, correct=correct, energy_mj=costs.energy_mj, device=costs.device
        )

    def costs(self, config: SubnetConfig, *, max_s: float) -> Costs:
        """Measure a config's costs on this target, with at most `max_s` seconds of timing."""
        network = self._to_time(config)
        compiled = cache(partial(self._compiled, network, config))
        return self._costs(network, compiled, config.resolution, max_s, None)

    def compile(self, config: SubnetConfig) -> CompiledNetwork:
        """Extract and calibrate the subnet of `config`, and compile it in the runtime.

        What `evaluate` has compiled is returned, if it was kept.
        """
        kept = self._kept.get(config)
        return kept or self._compiled(self._calibrated(config), config)

    def compile_to_time(self, config: SubnetConfig) -> CompiledNetwork:
        """Like `compile`, with statistics of one batch: enough to time, not to score."""
        return self._compiled(self._to_time(config), config)

    def whole(self, network: nn.Module) -> FromPixels:
        """A subnet with the normalisation of its images in front: what is timed and shipped."""
        data = self.images.data
        return FromPixels(network.cpu(), data.mean, data.std)

    def compile_whole(self, network: FromPixels, config: SubnetConfig) -> CompiledNetwork:
        """Compile the result of `whole` for a config in the runtime, for one batch."""
        runtime, side = self.runtime_of(config), config.resolution
        calibration = self.calibration_images(side) if runtime.dtype == "int8" else None
        return runtime.compile(network, self._pixels(side), calibration)

    def runtime_of(self, config: SubnetConfig) -> Runtime:
        """The runtime in the config's number type."""
        return in_dtype(self.runtime, dtype_of(config))

    def known_top1(self) -> dict[SubnetConfig, float]:
        """The top1 on `selection` of each config that is scored, in each number type."""
        return {
            typed(config, dtype): top1
            for dtype, scores in self._scores.items()
            for config, top1 in scores.whole().items()
        }

    def tell_known(self) -> None:
        """Tell how many configs need no scoring, if any."""
        for scores in self._scores.values():
            scores.tell_known()

    def calibration_images(self, resolution: int) -> Tensor:
        """The pixels of which int8 learns the ranges of activations: uint8 (n, side, side, 3).

        They are evenly spaced in `calibration`, so that all classes are among them.
        """
        num_all = self.images.data.num_images["calibration"]
        num_images = min(NUM_CALIBRATION_IMAGES, num_all)
        indices = np.linspace(0, num_all - 1, num_images).astype(int)
        chosen = self.images.chosen_pixels("calibration", resolution, indices.tolist())
        return torch.cat([pixels for pixels, _ in chosen])

    def measure(
        self,
        networks: Sequence[CompiledNetwork],
        *,
        max_s: float,
        allow_noisy: bool,
        progress: Callable[[float], None] | None = None,
    ) -> Measurement:
        """Time compiled networks side by side; see `nas.meter.latency.measure_latency`."""
        return measure_latency(
            networks,
            reference=reference_workload(self.runtime),
            rng=self.rng,
            max_s=max_s,
            allow_noisy=allow_noisy,
            progress=progress,
        )

    def report_accuracy(self, network: CompiledNetwork, resolution: int) -> Accuracy:
        """Score a compiled network in the runtime on `report`, on which nothing is selected."""
        correct = self.correct("report", network, resolution)
        return Accuracy(num_images=len(correct), num_correct=int(correct.sum()))

    def selection_correct(self, network: CompiledNetwork, config: SubnetConfig) -> Bits:
        """Whether the compiled network of `config` classifies each image of `selection` correctly.

        It is scored in the runtime unless all of the images are scored already.
        """
        scores = self._scores.get(dtype_of(config))
        known = scores.of(config) if scores else self._nothing
        if known.is_whole:
            return known.correct
        return self.correct("selection", network, config.resolution)

    @torch.inference_mode()
    def correct(self, split: str, network: CompiledNetwork, resolution: int) -> Bits:
        """Whether a compiled network classifies each image of a split correctly."""
        return correct_images(network.logits, self.images.pixels(split, resolution)).numpy()

    def energy_mj(self, network: CompiledNetwork) -> float | None:
        """Millijoules per batch; None if this machine has no counter (see `nas.meter.energy`)."""
        on_gpu = self.runtime.device == "cuda"
        counter = nvml(str(torch.cuda.get_device_properties().uuid)) if on_gpu else rapl()
        return energy_mj(network.run, counter)

    def _race(self, config: SubnetConfig, costs: Costs, rivals: Sequence[Evaluation]) -> Race:
        num_images = self.images.data.num_images["selection"]
        others = [rival.correct for rival in rivals if len(rival.correct) == num_images]
        rng = np.random.default_rng([self.seed, zlib.crc32(config.config_id.encode())])
        return Race(num_images, strongest_rival(costs, rivals, num_images), others, rng)

    def _score(
        self,
        network: nn.Module,
        compiled: Callable[[], CompiledNetwork],
        config: SubnetConfig,
        known: Score,
        race: Race,
    ) -> Score:
        """Run the race and keep what it scored; images that are `known` are not scored again."""
        if known.is_whole:
            return known
        scored, correct = known.scored.copy(), known.correct.copy()
        in_runtime = _is_scored_in(self.runtime_of(config))
        logits: Callable[[Tensor], Tensor] = (
            compiled().logits if in_runtime else network.to(self.images.device)
        )
        chosen = self.images.chosen_pixels if in_runtime else self.images.chosen
        while len(indices := race.next_slice):
            if len(new := indices[~scored[indices]]):
                batches = chosen("selection", config.resolution, new.tolist())
                correct[new] = _correct(logits, batches)
                scored[new] = True
            race.add(correct[indices])
        score, scores = Score(scored, correct), self._scores.get(dtype_of(config))
        return scores.add(config, score) if scores else score

    @property
    def _nothing(self) -> Score:
        return Score.nothing(self.images.data.num_images["selection"])

    def _calibrated(self, config: SubnetConfig) -> nn.Module:
        return calibrated_subnet(self.supernet, config, self.images)

    def _to_time(self, config: SubnetConfig) -> nn.Module:
        """A subnet whose statistics come from one batch, enough where nothing is scored."""
        return calibrated_subnet(self.supernet, config, self.images, max_batches=1)

    def _compiled(self, network: nn.Module, config: SubnetConfig) -> CompiledNetwork:
        return self.compile_whole(self.whole(network), config)

    def _costs(
        self,
        network: nn.Module,
        compiled: Callable[[], CompiledNetwork],
        resolution: int,
        max_s: float,
        predicted: "PredictedLatency | None",
    ) -> Costs:
        latency = predicted.latency(network, resolution) if predicted else None
        device = None
        if latency is None:
            found = self.measure([compiled()], max_s=max_s, allow_noisy=True)
            latency = planner_latency(found.latencies[0])
            device = Device(host=socket.gethostname(), reference_ms=1e3 * found.reference_s)
        return Costs(
            macs=count_macs(network, resolution),
            num_params=count_params(network),
            latency=latency,
            device=device,
            **(self.extras(compiled()) if self.measures else {}),
        )

    def _keep(self, config: SubnetConfig, compiled: CompiledNetwork, num_bytes: int) -> None:
        if self._kept_bytes + num_bytes <= MAX_KEPT_BYTES:
            self._kept[config] = compiled
            self._kept_bytes += num_bytes

    def require_measurable(self) -> None:
        """Raise NasError if one of `measures` can't be measured here."""
        if self.measures:
            self.extras(self.compile_to_time(self.supernet.space.smallest))

    def extras(self, compiled: CompiledNetwork) -> dict[str, Any]:
        """The `measures` of a compiled network, by name. Raises NasError if there is none here."""
        return {name: self._extra(name, compiled) for name in self.measures}

    def _extra(self, name: str, compiled: CompiledNetwork) -> Any:
        memory = name == "peak_memory_bytes"
        found = compiled.peak_memory_bytes() if memory else self.energy_mj(compiled)
        if found is None:
            where = (
                f"with the runtime {self.runtime.name}" if memory else "by RAPL (as root) or NVML"
            )
            raise NasError(
                f"{name} must be measurable to be an objective or a constraint, but is not {where} "
                "on this machine; omit it, or search elsewhere"
            )
        return found

    def _pixels(self, resolution: int) -> Tensor:
        """One batch of real images: zeros or noise can change the latency (denormals)."""
        images, _ = next(self.images.pixels("calibration", resolution))
        repeats = -(-self.batch_size // len(images))
        return images.repeat(repeats, 1, 1, 1)[: self.batch_size].contiguous()


@torch.inference_mode()
def _correct(logits: Callable[[Tensor], Tensor], batches: Iterator[tuple[Tensor, Tensor]]) -> Bits:
    return correct_images(logits, batches).numpy()


def _is_scored_in(runtime: Runtime) -> bool:
    """Unless it computes in float32: only the runtime tells what its rounding costs.

    In float32 PyTorch gives the same answers, and scores many images at once.
    """
    return runtime.dtype != "float32"


def _by_dtype(scores: Scores, runtime: Runtime) -> dict[str | None, Scores]:
    """The scores in each of the number types that configs may name."""
    found = dict[str | None, Scores]()
    for dtype in dtypes_of(runtime):
        one = in_dtype(runtime, dtype)
        found[dtype] = scores.in_dtype(_number_type(one)) if _is_scored_in(one) else scores
    return found


def _number_type(runtime: Runtime) -> str:
    """What the scores in a runtime depend on besides the network and the images."""
    how = f": {runtime.details['quantisation']}" if "quantisation" in runtime.details else ""
    return f"{runtime.dtype} in {runtime.name} {runtime.version}{how}"
