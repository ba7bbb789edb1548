"""Bench: one supernet on one target; it turns a config into its numbers."""

import random
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nas.cost.macs import count_macs, count_params
from nas.errors import NasError
from nas.evaluate.evaluation import Bits, Costs, Scored, rival_of
from nas.evaluate.racing import Race
from nas.evaluate.reference_network import kernel_of
from nas.meter.energy import energy_mj, nvml, rapl
from nas.meter.latency import Latency, Measurement, measure_latency
from nas.runtimes import CompiledNetwork, Runtime
from planner import Candidate
from supernet import SubnetConfig, Supernet
from supernet.evaluate.accuracy import Accuracy, Images, accuracy, calibrated_subnet, right_answers

if TYPE_CHECKING:
    from nas.cost.predicted_latency import StandIn  # scikit-learn takes a second to import


class Bench:
    """Measures the subnets of one supernet on one target.

    Args:
        supernet: in eval mode; it is not changed.
        images: of the data that it was trained on.
        runtime: what the extracted subnets are timed in.
        batch_size: images in one timed batch.
        seed: of the order in which candidates are timed.
        with_memory: whether peak memory is one of the costs.
    """

    def __init__(
        self,
        supernet: Supernet,
        images: Images,
        runtime: Runtime,
        *,
        batch_size: int,
        seed: int,
        with_memory: bool = False,
    ) -> None:
        self.supernet, self.images, self.runtime = supernet, images, runtime
        self.with_memory = with_memory
        self.batch_size, self.seed, self.rng = batch_size, seed, random.Random(seed)

    def evaluate(
        self,
        config: SubnetConfig,
        origin: str,
        *,
        max_s: float,
        others: Iterable[Scored] = (),
        stand_in: "StandIn | None" = None,
        costs: Costs | None = None,
    ) -> Scored:
        """Measure one config: its `costs` where they are not known yet, then top1 on `selection`.

        Where one of `others` is surely better, not all images are looked at: `nas.evaluate.racing`.
        `max_s` bounds the seconds spent on timing; the front is measured again before it is
        written, so a noisy moment is not an error here. Where `stand_in` knows a latency, it is
        predicted instead; where it doesn't yet, it learns from this one.
        """
        network = calibrated_subnet(self.supernet, config, self.images)
        costs = costs or self._costs(network, config.resolution, max_s, stand_in)
        race = self._race(config, costs, [*others])
        network.to(self.images.device)
        while len(indices := race.next_slice):
            race.add(self._answers(network, config.resolution, indices))
        top1, low, high = race.top1()
        candidate = Candidate(
            config_id=config.config_id,
            origin=origin,
            width_mults=config.width_mults,
            resolution=config.resolution,
            top1=top1,
            top1_low=low,
            top1_high=high,
            **costs,
        )
        if stand_in:
            stand_in.learn(network, candidate)
        return Scored(candidate=candidate, right=race.right)

    def costs(self, config: SubnetConfig, *, max_s: float) -> Costs:
        """What a config costs on this target: all of a candidate's numbers but top1."""
        network = calibrated_subnet(self.supernet, config, self.images)
        return self._costs(network, config.resolution, max_s, None)

    def compile(self, config: SubnetConfig) -> CompiledNetwork:
        """The calibrated subnet, ready to be timed and scored in the runtime."""
        network = calibrated_subnet(self.supernet, config, self.images)
        return self._compile(network, config.resolution)

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
            kernel=kernel_of(self.runtime),
            rng=self.rng,
            max_s=max_s,
            allow_noisy=allow_noisy,
            progress=progress,
        )

    def report_top1(self, network: CompiledNetwork, resolution: int) -> Accuracy:
        """Score what is timed, in the runtime, on the images that nothing else has seen."""
        return accuracy(network.logits, self._on_cpu("report", resolution))

    def energy_mj(self, network: CompiledNetwork) -> float | None:
        """Millijoules of one batch, where this machine counts them; see `nas.meter.energy`."""
        on_gpu = self.runtime.device == "cuda"
        counter = nvml(str(torch.cuda.get_device_properties().uuid)) if on_gpu else rapl()
        return energy_mj(network.run, counter)

    def _race(self, config: SubnetConfig, costs: Costs, others: Sequence[Scored]) -> Race:
        num_images = self.images.data.num_images["selection"]
        rival = rival_of(costs["latency_p50_ms"], costs["macs"], others, num_images)
        known = [other.right for other in others if len(other.right) == num_images]
        rng = np.random.default_rng([self.seed, zlib.crc32(config.config_id.encode())])
        return Race(num_images, rival, known, rng)

    @torch.inference_mode()
    def _answers(self, network: nn.Module, resolution: int, indices: NDArray[np.intp]) -> Bits:
        batches = self.images.chosen("selection", resolution, indices.tolist())
        return torch.cat([right_answers(network, *batch) for batch in batches]).cpu().numpy()

    def _costs(
        self, network: nn.Module, resolution: int, max_s: float, stand_in: "StandIn | None"
    ) -> Costs:
        latency = stand_in.latency(network, resolution) if stand_in else None
        kind = "predicted" if latency else "measured"
        memory: int | None = None
        macs, num_params = count_macs(network, resolution), count_params(network)
        if latency is None or self.with_memory:
            compiled = self._compile(network, resolution)
            latency = latency or self._time(compiled, max_s)
            memory = self._memory(compiled) if self.with_memory else None
        return {
            "macs": macs,
            "num_params": num_params,
            "kind": kind,
            "latency_p50_ms": latency.p50_ms,
            "latency_p90_ms": latency.p90_ms,
            "latency_p99_ms": latency.p99_ms,
            "latency_p50_low_ms": latency.p50_low_ms,
            "latency_p50_high_ms": latency.p50_high_ms,
            "num_samples": latency.num_samples,
            "peak_memory_bytes": memory,
        }

    def _time(self, compiled: CompiledNetwork, max_s: float) -> Latency:
        return self.measure([compiled], max_s=max_s, allow_noisy=True).latencies[0]

    def _memory(self, compiled: CompiledNetwork) -> int:
        found = compiled.peak_memory_bytes()
        if found is None:
            raise NasError(
                f"peak memory must be known for --memory, but {self.runtime.name} doesn't tell it "
                "here: choose another --runtime, or leave --memory out"
            )
        return found

    def _compile(self, network: nn.Module, resolution: int) -> CompiledNetwork:
        return self.runtime.compile(network.cpu(), self._pixels(resolution))

    def _pixels(self, resolution: int) -> Tensor:
        """Real images to time with: zeros or noise can be slower or faster (denormals)."""
        images, _ = next(self._on_cpu("calibration", resolution))
        repeats = -(-self.batch_size // len(images))
        return images.repeat(repeats, 1, 1, 1)[: self.batch_size].contiguous()

    def _on_cpu(self, split: str, resolution: int) -> Iterator[tuple[Tensor, Tensor]]:
        for images, labels in self.images.batches(split, resolution):
            yield images.cpu(), labels.cpu()
