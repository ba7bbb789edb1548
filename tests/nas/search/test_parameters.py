import optuna
import pytest

from nas.search.parameters import of_trial, suggest, to_config, to_parameters
from supernet import SearchSpace, SubnetConfig


@pytest.mark.parametrize("widths", [(0.5,), (0.25, 0.5, 1.0)])
def test_a_config_comes_back(widths: tuple[float, ...]) -> None:
    config = SubnetConfig(width_mults=widths, resolution=16)
    assert to_config(to_parameters(config, len(widths)), len(widths)) == config


def test_one_width_stands_for_all_groups() -> None:
    config = SubnetConfig(width_mults=(0.5,), resolution=16)
    expected = {"width0": 0.5, "width1": 0.5, "resolution": 16}
    assert to_parameters(config, 2) == expected


def test_half_chosen_is_no_config() -> None:
    assert to_config({"width0": 0.5, "resolution": 16}, 2) is None


def test_a_queued_trial_has_its_config_before_and_after_it_is_taken() -> None:
    space = SearchSpace(resolutions=(16, 12), groups="one")
    config = SubnetConfig(width_mults=(0.5,), resolution=12)
    study = optuna.create_study()
    study.enqueue_trial(to_parameters(config, 1))
    assert of_trial(study.get_trials()[0], 1) == config
    assert suggest(study.ask(), space) == config
    assert of_trial(study.get_trials()[0], 1) == config
