"""Beginning: the supernet as it is before the first step of a training."""

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import nn

from supernet.data.dataset import Data
from supernet.elastic.describe import require_elastic
from supernet.elastic.importance import sort_by_importance
from supernet.elastic.supernet import Supernet
from supernet.elastic.trainable import check_trainable
from supernet.errors import SupernetError
from supernet.job.training_job import TrainingJob
from supernet.models import build_model
from supernet.models.cached_weights import weights_file
from supernet.models.pretrained import load_weights
from supernet.proof import proof_of
from supernet.roundtrip import check_roundtrip
from supernet.tell import to_stderr


def new_supernet(job: TrainingJob, data: Data, *, resumes: bool) -> Supernet:
    """The supernet before the first step, or before its state is read where it `resumes`.

    Its subnets are proven to compute what they should (see `supernet.proof`).
    """
    side, num_classes = job.space.resolutions[0], len(data.classes)
    model = build_model(job.model, num_classes, job.model_options, seed=job.seed)
    check_trainable(model)
    if job.weights is not None and not resumes:

        def for_classes(count: int) -> nn.Module:
            return build_model(job.model, count, job.model_options, seed=job.seed)

        file = weights_file(job.weights, job.model)
        if file != Path(job.weights):
            to_stderr(f"weights {job.weights}: {file}")
        fresh = load_weights(model, file, build=for_classes)
        if fresh:
            to_stderr(f"initialised anew: {', '.join(fresh)}")
    freeze(model, job.freeze)
    example = torch.empty(1, 3, side, side)
    supernet = Supernet(model, example, job.space, num_classes=num_classes)
    check_roundtrip(model, job, num_classes)
    if job.space.narrowest < 1:
        require_elastic(model, supernet.channels)
    proof_of(supernet)
    if job.sort_by_importance and not resumes:
        sort_by_importance(supernet)
    return supernet


def freeze(model: nn.Module, beginnings: Iterable[str]) -> None:
    """Freeze the parameters whose names begin so, at a dot or whole.

    Raises SupernetError where one matches none, or nothing is left to train.
    """
    named = dict(model.named_parameters(remove_duplicate=False))  # a shared one has several names
    for beginning in beginnings:
        found = [p for name, p in named.items() if f"{name}.".startswith(f"{beginning}.")]
        if not found:
            known = ", ".join(dict.fromkeys(name.partition(".")[0] for name in named))
            raise SupernetError(
                f"--freeze must name layers or parameters of the model, but {beginning!r} is none: "
                f"choose among {known} and what is below them"
            )
        for parameter in found:
            parameter.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in named.values()):
        raise SupernetError("--freeze must leave something to train, but freezes everything")
