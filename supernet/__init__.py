"""Supernets trained by mutual learning over width and resolution (MutualNet, ECCV 2020)."""

import os

# Subnets come in many shapes. oneDNN caches 1,024 compiled kernels by default and would recompile
# the rest (a training step of MobileNetV1 took 1.5 times as long). Must be set before torch loads.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16384")

from supernet.checkpoint import load_supernet
from supernet.data import Data, data_from, load_data
from supernet.elastic.supernet import Supernet
from supernet.evaluate.calibration import calibrate_bn
from supernet.job.execution import Execution
from supernet.job.hyperparameters import Hyperparameters
from supernet.job.recipe import Recipe
from supernet.job.training_job import TrainingJob
from supernet.space import SearchSpace, SubnetConfig
from supernet.train.mutual import Losses, mutual_step
from supernet.train.sampling import sandwich

__all__ = [
    "Data",
    "Execution",
    "Hyperparameters",
    "Losses",
    "Recipe",
    "SearchSpace",
    "SubnetConfig",
    "Supernet",
    "TrainingJob",
    "calibrate_bn",
    "data_from",
    "load_data",
    "load_supernet",
    "mutual_step",
    "sandwich",
]
