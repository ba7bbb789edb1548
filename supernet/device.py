"""The device to compute on."""

import torch

from supernet.cores import usable_cores
from supernet.errors import SupernetError


def choose_device(name: str | None = None) -> torch.device:
    """The named device (`cpu`, `cuda`, `cuda:1`); None: CUDA where available, else the CPU.

    PyTorch starts a thread for each core of its affinity, whatever the quota of a container: their
    number is lowered, for the whole process, to that of the usable cores. `cuda:1` becomes CUDA's
    current device: graphs, Triton's kernels and runtimes that are told "cuda" use that one. Raises
    SupernetError when the device is not available.
    """
    if torch.get_num_threads() > usable_cores().num_usable:
        torch.set_num_threads(usable_cores().num_usable)
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
        if device.type == "cuda" and device.index is not None:
            torch.cuda.set_device(device)
    except (RuntimeError, AssertionError) as error:
        raise SupernetError(
            f"the device must be available, but {name!r} is not (CUDA devices: "
            f"{torch.cuda.device_count()}): leave --device out or use --device cpu"
        ) from error
    return device
