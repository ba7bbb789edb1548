"""One network that holds many: mutual learning over width and resolution (MutualNet, ECCV 2020)."""

import os

# Subnets come in many shapes; oneDNN keeps 1,024 compiled kernels by default and would compile the
# rest again and again (a training step of MobileNetV1 took 1.5 times as long). Set before torch.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16384")

from supernet.calibrate import calibrate_bn
from supernet.checkpoint import load_supernet
from supernet.data import load_data
from supernet.execution import Execution
from supernet.hyperparameters import Hyperparameters
from supernet.job import TrainingJob
from supernet.mutual import mutual_step
from supernet.recipe import Recipe
from supernet.sampling import sandwich
from supernet.space import SearchSpace, SubnetConfig
from supernet.supernet import Supernet

__all__ = [
    "Execution",
    "Hyperparameters",
    "Recipe",
    "SearchSpace",
    "SubnetConfig",
    "Supernet",
    "TrainingJob",
    "calibrate_bn",
    "load_data",
    "load_supernet",
    "mutual_step",
    "sandwich",
]
