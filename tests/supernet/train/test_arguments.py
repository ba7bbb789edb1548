import pytest

from supernet.errors import SpaceError, SupernetError
from supernet.job.presets import PRESETS
from supernet.job.training_job import TrainingJob
from supernet.space import widths_from
from supernet.train.arguments import execution_from, job_from, make_parser


def job(*arguments: str) -> TrainingJob:
    return job_from(make_parser().parse_args(arguments))


def test_without_arguments_it_is_the_embedded_example() -> None:
    assert job() == TrainingJob() == PRESETS["embedded"]


def test_a_preset_is_what_other_arguments_change() -> None:
    wanted = PRESETS["wide_resnet-cifar"]
    got = job("--preset", "wide_resnet-cifar", "--lr", "0.05", "--width-range", "0.7", "1")
    assert got.hyperparameters.lr == 0.05
    assert got.space.widths == widths_from(0.7)
    assert got.space.resolutions == wanted.space.resolutions
    assert got.model_options == wanted.model_options
    assert job("--preset", "wide_resnet-cifar", "--model", "mobilenet_v2").model_options == {}


def test_all_widths_can_be_named() -> None:
    assert job("--widths", "1", "0.5").space.widths == (0.5, 1.0)
    with pytest.raises(SpaceError, match="one width must be 1"):
        job("--widths", "0.5")
    with pytest.raises(SpaceError, match="highest width of --width-range must be 1"):
        job("--width-range", "0.5", "0.9")


def test_the_preset_suits_what_is_given() -> None:
    assert job("--data", "photos").to_json() == {**PRESETS["scratch"].to_json(), "data": "photos"}
    assert job("--data", "fashion-mnist-mini") == PRESETS["embedded"]
    tuned = job("--data", "photos", "--weights", "mobilenet_v2.pth", "--epochs", "3")
    given = {"data": "photos", "weights": "mobilenet_v2.pth", "epochs": 3}
    assert tuned.to_json() == {**PRESETS["finetune"].to_json(), **given}
    assert tuned.sort_by_importance
    assert not job(
        "--data", "photos", "--weights", "m", "--no-sort-by-importance"
    ).sort_by_importance


@pytest.mark.parametrize("given", [["--weights", "m.pth"], ["--preset", "scratch"]])
def test_presets_for_photographs_need_them(given: list[str]) -> None:
    with pytest.raises(SupernetError, match="--data must name the images"):
        job(*given)


def test_set_reaches_recipe_and_hyperparameters() -> None:
    got = job("--recipe", "us", "--set", "num_random=4", "dtype=bfloat16", "clip_norm=1.5")
    assert got.recipe.name == "us"
    assert got.recipe.num_random == 4
    assert got.hyperparameters.dtype == "bfloat16"
    assert got.hyperparameters.clip_norm == 1.5


def test_a_whole_number_for_a_float_is_a_float() -> None:
    got = job("--set", "cutmix=1", "distillation=0", "clip_norm=null", "sync_bn=true")
    assert type(got.hyperparameters.cutmix) is float
    assert type(got.recipe.distillation) is float
    assert got.hyperparameters.clip_norm is None
    assert got.hyperparameters.sync_bn is True


def test_one_network_alone_has_one_width() -> None:
    assert job("--recipe", "independent").space.widths == (1.0,)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("colour=1", "but got 'colour'"),
        ("lr=fast", '`lr` must be float, but got "fast"'),
        ("lr=-1", "lr > 0"),
        ("accumulate=1.5", "`accumulate` must be int, but got 1.5"),
        ("sync_bn=1", "`sync_bn` must be bool, but got 1"),
        ("clip_norm=true", "`clip_norm` must be float or null, but got true"),
    ],
)
def test_a_wrong_setting_is_refused(setting: str, words: str) -> None:
    with pytest.raises(SupernetError, match=words):
        job("--set", setting)


def test_options_of_the_execution_are_parsed() -> None:
    args = make_parser().parse_args(["--device", "cpu", "--evaluate-every", "3", "--tensorboard"])
    execution = execution_from(args)
    assert (execution.device, execution.evaluate_every, execution.tensorboard) == ("cpu", 3, True)
