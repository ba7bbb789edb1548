"""A trained supernet, the data that it was trained on, and what is known of its training."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save

from nas.errors import NasError
from supernet import Supernet, TrainingJob, load_data, load_supernet
from supernet.checkpoint import is_finished, read_document
from supernet.data import Data


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


def weights_sha256(supernet: Supernet) -> str:
    """`weights_sha256` of supernet.json: the digest of the file that holds these weights."""
    tensors = {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in supernet.model.state_dict().items()
    }
    return hashlib.sha256(save(tensors, {"note": json.dumps({})})).hexdigest()


def describe_supernet(
    supernet: Supernet, data: Data, run: str | Path, *, required: bool
) -> Mapping[str, Any]:
    """supernet.json of `run`, if it is of these weights; else what the objects themselves tell.

    Raises NasError where it is `required` and the run holds other weights or none.
    """
    run, digest = Path(run), weights_sha256(supernet)
    if is_finished(run) and (document := read_document(run))["weights_sha256"] == digest:
        return document
    if required:
        raise NasError(
            f"{run} must be the run that this supernet was trained in, but holds other weights or "
            "none; leave `trained_in` out where the supernet was not trained by this project"
        )
    job = {
        "model": type(supernet.model).__name__,
        "model_options": {},
        "seed": 0,
        "epochs": 0,
        "recipe": {},
    }
    return {"job": job, "weights_sha256": digest, "versions": {}, "data": data.describe()}
