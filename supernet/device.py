"""Which device computes."""

import torch

from supernet.errors import SupernetError


def choose_device(name: str | None = None) -> torch.device:
    """The named device (`cpu`, `cuda`, `cuda:1`), or the best there is.

    Raises SupernetError when there is no such device.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise SupernetError(
            f"the device must be there, but {name!r} is not (CUDA devices: "
            f"{torch.cuda.device_count()}): leave --device out or use --device cpu"
        ) from error
    return device
