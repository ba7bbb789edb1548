from dataclasses import replace

from supernet.job.presets import PRESETS
from supernet.job.summary import summary


def test_what_a_preset_chooses_is_one_line() -> None:
    assert summary(replace(PRESETS["finetune"], epochs=30)) == (
        "mobilenet_v2, mutual_hard_soft: 30 epochs, batch_size 32, lr 0.03 (cosine, "
        "warmup_fraction 0.1), clip_norm 2, weight_decay 0.0001, normalisation imagenet, "
        "widths 0.5 to 1, sorted by importance, resolutions 128 112 96 80 64"
    )


def test_what_else_was_chosen_is_told() -> None:
    job = PRESETS["embedded"]
    hyper = replace(job.hyperparameters, body_lr=0.1)
    recipe = replace(job.recipe, pool=64)
    said = summary(replace(job, hyperparameters=hyper, recipe=recipe, freeze=("conv1",), epochs=1))
    assert "1 epoch, " in said
    assert "body_lr 0.1), clip_norm null" in said
    assert "frozen conv1, " in said
    assert "to 1, pool 64, " in said
    assert "sorted" not in said
