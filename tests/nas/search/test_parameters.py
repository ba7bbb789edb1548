from dataclasses import replace

import optuna
import pytest

from nas.number_types import typed
from nas.search.parameters import features, of_trial, suggest, to_config, to_parameters
from nas.search.steps import Steps
from supernet import SubnetConfig


def steps(num_widths: int) -> Steps:
    return Steps(widths=((0.25, 0.5, 1.0),) * num_widths, resolutions=(12, 16))


@pytest.mark.parametrize("widths", [(0.5,), (0.25, 0.5, 1.0)])
def test_a_config_comes_back(widths: tuple[float, ...]) -> None:
    config, its_steps = SubnetConfig(width_mults=widths, resolution=16), steps(len(widths))
    assert to_config(to_parameters(config, its_steps), its_steps) == config


def test_one_width_stands_for_all_groups() -> None:
    config = SubnetConfig(width_mults=(0.5,), resolution=16)
    expected = {"width_step0": 1, "width_step1": 1, "resolution_step": 1}
    assert to_parameters(config, steps(2)) == expected


def test_a_width_between_two_steps_is_the_next() -> None:
    config = SubnetConfig(width_mults=(0.3, 0.6), resolution=12)
    expected = {"width_step0": 1, "width_step1": 2, "resolution_step": 0}
    assert to_parameters(config, steps(2)) == expected


@pytest.mark.parametrize("widths", [(0.5,), (0.25, 0.5, 1.0)])
def test_parameters_have_the_features_of_their_config(widths: tuple[float, ...]) -> None:
    config, its_steps = SubnetConfig(width_mults=widths, resolution=12), steps(len(widths))
    assert features(to_parameters(config, its_steps), its_steps) == its_steps.features(config)


def test_a_number_type_is_a_parameter_where_there_are_several() -> None:
    its_steps = replace(steps(1), dtypes=("float32", "int8"))
    config = typed(SubnetConfig(width_mults=(0.5,), resolution=16), "int8")
    parameters = to_parameters(config, its_steps)
    assert parameters == {"width_step": 1, "resolution_step": 1, "dtype_step": 1}
    assert to_config(parameters, its_steps) == config
    assert features(parameters, its_steps) == its_steps.features(config)
    del parameters["dtype_step"]
    assert to_config(parameters, its_steps) is None


def test_half_chosen_is_no_config() -> None:
    assert to_config({"width_step0": 1, "resolution_step": 1}, steps(2)) is None


def test_a_queued_trial_has_its_config_before_and_after_it_is_taken() -> None:
    config = SubnetConfig(width_mults=(0.5,), resolution=12)
    study = optuna.create_study()
    study.enqueue_trial(to_parameters(config, steps(1)))
    assert of_trial(study.get_trials()[0], steps(1)) == config
    assert suggest(study.ask(), steps(1)) == config
    assert of_trial(study.get_trials()[0], steps(1)) == config
