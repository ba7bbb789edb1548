"""StepGraphs: the passes of a step recorded once for each config, then replayed as CUDA graphs.

On a GPU, a step of small networks costs what the host needs to launch its kernels. A graph of all
kernels of one config, from pixels to gradients, is one launch. What it reads and writes must lie
where it lay when it was recorded: the batch, the teacher's softmax and the losses are tensors of
this class, and gradients are those of the parameters, which are zeroed in place and never None.
Weights are changed in place by the optimiser; the graph reads views of them.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import softmax

from supernet.errors import SupernetError
from supernet.seeding import choices_of_host
from supernet.space import SubnetConfig
from supernet.train.mutual import Losses, precise

MAX_GRAPHS = 512
"""Graphs that are kept, those replayed last; 37 of a WRN-16-4 took 0.85 GB."""
WARM_UP_RUNS = 2
"""Runs before a graph is recorded: libraries select and initialise their kernels."""


class Recorder(Protocol):
    """Records work on a device; tests have one for the CPU."""

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """A function that does `work` again, on the same tensors; `work` may run meanwhile."""


class CudaRecorder:
    """Records CUDA graphs that share one pool of memory. Never run on a GPU yet: docs/gpu.md."""

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()
        self._stream = torch.cuda.Stream()

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """See `Recorder.record`. Raises SupernetError where `work` cannot be recorded."""
        graph = torch.cuda.CUDAGraph()
        try:
            self._stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self._stream):
                for _ in range(WARM_UP_RUNS):
                    work()
            torch.cuda.current_stream().wait_stream(self._stream)
            with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
                work()
        except RuntimeError as error:  # CUDA is in no state to go on in
            # Ending a recording that has failed fails, too, and says only that.
            first = error.__context__ if isinstance(error.__context__, RuntimeError) else error
            raise SupernetError(
                "a step must be recordable as a CUDA graph, without waiting for the device, but "
                f"got: {str(first).partition(chr(10))[0]}; leave --graphs out"
            ) from error
        return graph.replay


class StepGraphs:
    """All passes of a step by recorded graphs: the same losses and gradients as `mutual_step`.

    Args:
        supernet: its parameters have gradients already, those that a step reaches.
        network: `network(images, config)` computes logits.
        losses: what subnets learn from.
        num_classes: logits of an image.
        images_at: the normalised images, from uint8 pixels and a resolution; no tensor on the host.
        backward: called with each loss; adds to the parameters' gradients.
        context: in which networks run, such as autocast without a cache of weights.
        recorder: records graphs.
    """

    def __init__(
        self,
        supernet: nn.Module,
        network: Callable[[Tensor, SubnetConfig], Tensor],
        losses: Losses,
        *,
        num_classes: int,
        images_at: Callable[[Tensor, int], Tensor],
        backward: Callable[[Tensor], None],
        context: Callable[[], AbstractContextManager[None]],
        recorder: Recorder,
    ) -> None:
        self.supernet, self.network, self.losses = supernet, network, losses
        self.num_classes, self.images_at = num_classes, images_at
        self.backward, self.context, self.recorder = backward, context, recorder
        self.num_recorded = 0
        self._graphs = OrderedDict[tuple[SubnetConfig, bool], tuple[Callable[[], None], Tensor]]()
        self._batch: tuple[Tensor, Tensor, Tensor] | None = None
        """Pixels, labels and the teacher's softmax."""
        self._gradients: list[Tensor | None] = []

    def __call__(
        self, pixels: Tensor, labels: Tensor, configs: Sequence[SubnetConfig]
    ) -> list[Tensor]:
        """Add the gradients of one step to the parameters; return the loss of each config.

        The first config is the full network. Raises SupernetError where a graph cannot be recorded.
        """
        self._place(pixels, labels)
        losses = []
        for position, config in enumerate(configs):
            key = config, position == 0
            if key not in self._graphs:
                self._graphs[key] = self._recorded(*key)
                if len(self._graphs) > MAX_GRAPHS:
                    self._graphs.popitem(last=False)
            self._graphs.move_to_end(key)
            replay, loss = self._graphs[key]
            replay()
            losses.append(loss.clone())  # a config may come twice
        return losses

    def _place(self, pixels: Tensor, labels: Tensor) -> None:
        """Put a batch where graphs read it; forget graphs that read or write elsewhere."""
        gradients = [parameter.grad for parameter in self.supernet.parameters()]
        is_same = len(gradients) == len(self._gradients) and all(
            one is other for one, other in zip(gradients, self._gradients, strict=True)
        )
        batch = self._batch
        if batch is None or (batch[0].shape, batch[1].shape) != (pixels.shape, labels.shape):
            teacher = torch.zeros(len(pixels), self.num_classes, device=pixels.device)
            self._batch, is_same = (pixels.clone(), labels.clone(), teacher), False
        else:
            batch[0].copy_(pixels)
            batch[1].copy_(labels)
        if not is_same:
            self._graphs.clear()
            self._gradients = gradients

    def _recorded(self, config: SubnetConfig, is_full: bool) -> tuple[Callable[[], None], Tensor]:
        """A graph of the passes of `config`, and where it writes the loss."""
        assert self._batch is not None
        pixels, labels, teacher = self._batch
        loss = torch.zeros((), device=pixels.device)

        def work() -> None:
            with self.context():
                images = self.images_at(pixels, config.resolution)
                logits = precise(self.network(images, config))
                if is_full:
                    value = self.losses.with_labels(logits, labels)
                    teacher.copy_(softmax(logits.detach(), dim=1))
                else:
                    value = self.losses.of_subnet(logits, labels, teacher)
                self.backward(value)
            loss.copy_(value.detach())

        # Warming up adds to gradients what no step has asked for. Buffers are each subnet's own.
        changed = [gradient for gradient in self._gradients if gradient is not None]
        before = [gradient.clone() for gradient in changed]
        choices = choices_of_host(pixels.device)
        replay = self.recorder.record(work)
        if choices_of_host(pixels.device) != choices:
            raise SupernetError(
                "a recorded step repeats what Python's or numpy's random numbers chose when it was "
                f"recorded, but {config.config_id} draws some, to skip layers, say: leave --graphs "
                "out"
            )
        now = [parameter.grad for parameter in self.supernet.parameters()]
        if any(one is not other for one, other in zip(now, self._gradients, strict=True)):
            raise SupernetError(
                f"all steps must reach the same parameters, but {config.config_id} reaches others: "
                "leave --graphs out"
            )
        for gradient, value in zip(changed, before, strict=True):
            gradient.copy_(value)
        self.num_recorded += 1
        return replay, loss
