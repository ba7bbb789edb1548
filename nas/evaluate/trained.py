"""A trained supernet and the data that it was trained on, from a run's folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supernet import Supernet, TrainingJob, load_data, load_supernet
from supernet.data.dataset import Data


@dataclass(frozen=True)
class Trained:
    """What `python -m supernet.train` left in a run's folder."""

    supernet: Supernet
    document: dict[str, Any]
    """supernet.json."""
    data: Data


def load_trained(run: Path) -> Trained:
    """Read them; raise CheckpointError or DataError where they are damaged or have changed."""
    supernet, document = load_supernet(run)
    job = TrainingJob.from_json(document["job"])
    data = load_data(
        job.data, resolution=job.space.resolutions[0], seed=job.seed, root=Path(job.data_root)
    )
    data.check_same(document["data"])
    return Trained(supernet, document, data)
