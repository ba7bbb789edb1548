"""What every result file says of the machine that made it."""

import datetime
import platform
import sys
from typing import Any

import torch
import torchvision

from nas.meter.cpu import cpu_details
from nas.meter.machine import cpu_name, governor


def environment() -> dict[str, Any]:
    """Hardware, versions and time, as plain values."""
    return {
        "cpu": cpu_name(),
        "instruction_sets": cpu_details().get("instruction_sets", "unknown"),
        "num_threads": torch.get_num_threads(),
        "governor": governor(),
        "os": platform.platform(),
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "created_utc": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
