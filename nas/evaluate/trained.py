"""Loads a trained supernet with its data and the record of its training."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas.errors import NasError
from supernet import Supernet, TrainingJob, load_data, load_supernet
from supernet.checkpoint import is_finished, read_document, weights_sha256
from supernet.data import Data


@dataclass(frozen=True)
class Trained:
    """A run of `python -m supernet.train`, loaded from its folder."""

    supernet: Supernet
    document: dict[str, Any]
    """Content of supernet.json."""
    data: Data
    """The data that the supernet was trained on."""


def load_trained(run: Path) -> Trained:
    """Load a run's supernet and data.

    Raises CheckpointError or DataError if they are missing, damaged or changed since training.
    """
    supernet, document = load_supernet(run)
    job = TrainingJob.from_json(document["job"])
    data = load_data(
        job.data, resolution=job.space.resolutions[0], seed=job.seed, root=Path(job.data_root)
    )
    data.check_same(document["data"])
    return Trained(supernet, document, data)


def describe_supernet(
    supernet: Supernet, data: Data, run: str | Path, *, required: bool
) -> Mapping[str, Any]:
    """Content of supernet.json in `run` if its weights match, else a record with the same keys.

    The substitute lacks the training recipe. Raises NasError if a match is `required` and `run`
    holds no weights or different ones.
    """
    run, digest = Path(run), weights_sha256(supernet)
    if is_finished(run) and (document := read_document(run))["weights_sha256"] == digest:
        return document
    if required:
        raise NasError(
            f"{run} must be the run that this supernet was trained in, but holds different weights "
            "or none; omit `trained_in` if the supernet was not trained by this project"
        )
    job = {
        "model": type(supernet.model).__name__,
        "model_options": {},
        "seed": 0,
        "epochs": 0,
        "recipe": {},
    }
    return {"job": job, "weights_sha256": digest, "versions": {}, "data": data.describe()}
