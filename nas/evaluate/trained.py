"""Loads a trained supernet with its data and the record of its training."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas.errors import NasError
from supernet import Supernet, TrainingJob, load_data, load_supernet
from supernet.checkpoint import is_finished, read_document, weights_sha256
from supernet.data import Data
from supernet.data.dataset import is_named, is_on_disk
from supernet.errors import DataError


@dataclass(frozen=True)
class Trained:
    """A run of `python -m supernet.train`, loaded from its folder."""

    supernet: Supernet
    document: dict[str, Any]
    """Content of supernet.json."""
    data: Data
    """The data that the supernet was trained on."""


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where a run's images are now; see `load_trained`."""
    add = parser.add_argument
    add("--data", metavar="DATA", help="where the run's images are now; default: where they were")
    add("--data-root", metavar="DIR", help="where torchvision's data sets are now; likewise")


def run_of(supernet: Path | None, default: Path) -> Path:
    """The run that holds the supernet: what was passed as --supernet, else `default`.

    Raises NasError where it was not passed and `default` holds no supernet.
    """
    if supernet is None and not is_finished(default):
        raise NasError(
            f"{default} must hold the trained supernet (supernet/supernet.json), but has none: "
            "pass the run that holds it as --supernet"
        )
    return supernet or default


def load_trained(
    run: Path, *, data: str | Path | None = None, data_root: str | Path | None = None
) -> Trained:
    """Load a run's supernet and data.

    `data` says where its images are now, and `data_root` where torchvision's data sets are; None:
    where they were in training. They must be the same images: `Data.check_same`.

    Raises CheckpointError or DataError if supernet or data are missing, damaged or changed since
    training.
    """
    supernet, document = load_supernet(run)
    job = TrainingJob.from_json(document["job"])
    source = job.data if data is None else str(data)
    if data is None and not (is_named(source) or is_on_disk(source)):
        raise DataError(
            f"the images of {run} must be in {source!r}, as in training, but they are not "
            "there: pass where they are now as --data"
        )
    found = load_data(
        source,
        resolution=job.space.resolutions[0],
        seed=job.seed,
        root=Path(job.data_root if data_root is None else data_root),
        normalisation=job.hyperparameters.normalisation,
    )
    found.check_same(document["data"])
    return Trained(supernet, document, found)


def describe_supernet(
    supernet: Supernet, data: Data, run: str | Path, *, required: bool
) -> Mapping[str, Any]:
    """Content of supernet.json in `run` if its weights match, else a record with the same keys.

    The substitute lacks the training recipe. Raises NasError if a match is `required` and `run`
    holds no weights or different ones, or if the match was trained with another normalisation.
    """
    run, digest = Path(run), weights_sha256(supernet)
    if is_finished(run) and (document := read_document(run))["weights_sha256"] == digest:
        trained_with = TrainingJob.from_json(document["job"]).hyperparameters.normalisation
        if data.normalisation != trained_with:
            raise NasError(
                f"the data must be normalised as in training, by {trained_with!r}, but is by "
                f"{data.normalisation!r}: make it anew with that"
            )
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
