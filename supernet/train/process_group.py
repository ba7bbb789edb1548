"""ProcessGroup: the processes that train one supernet together, as torchrun starts them.

Not DistributedDataParallel, which all-reduces gradients in buckets during every backward pass: a
step here has several backward passes. One all-reduce after the last of them carries everything.
"""

import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import reduce
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch._C._distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from supernet.errors import SupernetError, reason_of

T = TypeVar("T")


class ProcessGroup:
    """This process and the others of its training; a single one where torchrun did not start it."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes files and shows progress."""
        return self.rank == 0

    def average_gradients(self, parameters: Sequence[nn.Parameter], values: Tensor) -> None:
        """Replace gradients, and `values` (n,), by their means over the processes.

        One all-reduce. What it sends has the same layout in every process, whichever layers ran
        there: a gradient that a process lacks counts as 0, and one that all lack stays None.
        """
        if not dist.is_initialized():
            return
        gradients = [p.new_zeros(p.shape) if p.grad is None else p.grad for p in parameters]
        present = [float(p.grad is not None) for p in parameters]
        tensors = [*gradients, values.new_tensor(present), values]
        dtype = reduce(torch.promote_types, (t.dtype for t in tensors), torch.float32)
        flat = torch.cat([tensor.detach().reshape(-1).to(dtype) for tensor in tensors])
        with _others():
            dist.all_reduce(flat)
        flat /= self.size
        *means, shares, mean_values = flat.split([tensor.numel() for tensor in tensors])
        with torch.no_grad():
            values.copy_(mean_values)
            for p, gradient, mean, share in zip(
                parameters, gradients, means, shares.tolist(), strict=True
            ):
                if share > 0:
                    p.grad = gradient.copy_(mean.view(gradient.shape))

    def gather(self, value: T) -> list[T]:
        """The values of all processes, by rank."""
        if self.size == 1:
            return [value]
        values: list[T | None] = [None] * self.size
        with _others():
            dist.all_gather_object(values, value)
        return [each for each in values if each is not None]

    def check_same(self, facts: Mapping[str, str], what_to_do: str) -> None:
        """Raise SupernetError, in all processes, unless each has the same `facts`."""
        of_first, *others = self.gather(dict(facts))
        for rank, theirs in enumerate(others, 1):
            for name, value in theirs.items():
                if value != of_first.get(name):
                    raise SupernetError(
                        f"all processes must have the same {name}, but process 0 has "
                        f"{of_first.get(name)} and process {rank} {value}: {what_to_do}"
                    )

    def wait(self) -> None:
        """Return once all processes have called this."""
        if self.size > 1:
            with _others():
                dist.barrier()


@contextmanager
def _others() -> Iterator[None]:
    """Within `with`, a process that meanwhile has ended is a SupernetError."""
    try:
        yield
    except RuntimeError as error:
        raise SupernetError(
            "all processes must go on, but one has ended, or does not answer: see what it said, "
            f"and this: {reason_of(error)}"
        ) from error


@contextmanager
def init_process_group(device: torch.device) -> Iterator[ProcessGroup]:
    """The group that torchrun's environment describes; NCCL on CUDA, gloo elsewhere."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ProcessGroup()
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    # A second group in one process would find the addresses of the first in torchrun's store.
    meeting, rank, size = next(iter(rendezvous("env://")))
    store = PrefixStore(f"training {next(_numbers)}", meeting)
    backend = "nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=size)
    try:
        yield ProcessGroup(rank, size)
    finally:
        dist.destroy_process_group()


_numbers = itertools.count()
"""Of the trainings of this process; all processes begin them in the same order."""
