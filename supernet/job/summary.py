"""Summary: what a job chooses, in one line of a training's log."""

from supernet.job.training_job import TrainingJob


def summary(job: TrainingJob) -> str:
    """The values that decide how well a training ends, by the names that change them."""
    hyper, space = job.hyperparameters, job.space
    body = f", body_lr {hyper.body_lr:g}" if hyper.body_lr != 1 else ""
    values = [
        f"{job.epochs} epoch{'' if job.epochs == 1 else 's'}",
        f"batch_size {hyper.batch_size}",
        f"lr {hyper.lr:g} ({hyper.schedule}, warmup_fraction {hyper.warmup_fraction:g}{body})",
        f"clip_norm {'null' if hyper.clip_norm is None else f'{hyper.clip_norm:g}'}",
        f"weight_decay {hyper.weight_decay:g}",
        f"normalisation {hyper.normalisation}",
        f"widths {space.narrowest:g} to 1" if space.narrowest < 1 else "width 1",
        *([f"pool {job.recipe.pool}"] if job.recipe.pool else []),
        *(["sorted by importance"] if job.sort_by_importance else []),
        *([f"frozen {' '.join(job.freeze)}"] if job.freeze else []),
        f"resolutions {' '.join(map(str, space.resolutions))}",
    ]
    return f"{job.model}, {job.recipe.name}: {', '.join(values)}"
