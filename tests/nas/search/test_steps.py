import math

import torch

from nas.number_types import typed
from nas.search.steps import Steps, widths_by_channels
from supernet import SearchSpace, SubnetConfig, Supernet
from supernet.models import WideResNet

SPACE = SearchSpace(resolutions=(16, 12), groups="stage")


def make(space: SearchSpace = SPACE) -> Supernet:
    return Supernet(WideResNet(10, depth=10, widen=2), torch.empty(1, 3, 16, 16), space)


def test_all_of_a_supernet_are_the_widths_that_differ_in_channels() -> None:
    supernet = make()
    steps = Steps.all_of(supernet)
    assert steps.resolutions == (12, 16)
    assert [len(each) for each in steps.widths] == [4, 7, 13]
    assert all(each[-1] == 1 and list(each) == sorted(each) for each in steps.widths)
    assert steps.num_configs == 4 * 7 * 13 * 2


def test_of_widths_with_the_same_channels_the_largest_is_taken() -> None:
    channels = widths_by_channels(make(), 1)
    assert set(channels.values()) <= set(SPACE.widths)
    assert {kept[0]: width for kept, width in channels.items()} == {
        **{16: 0.25, 24: 0.4, 32: 0.55, 40: 0.65, 48: 0.8, 56: 0.9, 64: 1.0}
    }


def test_lifting_to_all_widths_changes_no_channels() -> None:
    supernet = make()
    steps = Steps.all_of(supernet)
    for config in supernet.space.grid():
        assert supernet.kept_counts(steps.lifted(config)) == supernet.kept_counts(config)


def test_lifted_to_the_next_step() -> None:
    steps = Steps(widths=((0.25, 1.0), (0.5, 0.75, 1.0)), resolutions=(12, 16))
    config = SubnetConfig(width_mults=(0.25, 0.55), resolution=16)
    assert steps.lifted(config).config_id == "w0.25_0.75-r16"
    assert steps.lifted(SubnetConfig(width_mults=(0.6,), resolution=12)).width_mults == (1.0, 0.75)
    assert steps.lifted(steps.lifted(config)) == steps.lifted(config)


def test_steps_survive_json() -> None:
    steps = Steps.all_of(make())
    assert Steps.from_json(steps.to_json()) == steps


def test_a_rigid_network_has_one_width() -> None:
    space = SearchSpace(widths=(1.0,), resolutions=(16,))
    assert Steps.all_of(make(space)).widths == ((1.0,),)


def test_features_are_the_logs_of_what_is_lifted() -> None:
    steps = Steps(widths=((0.25, 1.0), (0.5, 1.0)), resolutions=(12, 16))
    config = SubnetConfig(width_mults=(0.3, 0.4), resolution=16)
    assert steps.features(config) == [0.0, math.log(0.5), math.log(16)]


def test_number_types_are_an_axis_of_their_own() -> None:
    supernet = make()
    steps = Steps.all_of(supernet, ("float32", "int8"))
    assert steps.axes[-1] == ("float32", "int8")
    assert steps.num_configs == 2 * Steps.all_of(supernet).num_configs
    config = steps.config_of([0.25, 0.4, 1.0, 16, "int8"])
    assert config.config_id == "w0.25_0.4_1-r16-int8"
    assert steps.values_of(config) == (0.25, 0.4, 1.0, 16, "int8")
    assert steps.lifted(typed(supernet.space.largest, "int8")).config_id == "w1-r16-int8"
    plain = Steps.all_of(supernet).features(typed(config, None))
    assert steps.features(config) == [*plain, 1.0]
    assert Steps.from_json(steps.to_json()) == steps


def test_each_config_comes_in_each_number_type() -> None:
    configs = [SubnetConfig(width_mults=(width,), resolution=16) for width in (0.5, 1.0)]
    typed_ones = Steps.all_of(make(), ("float32", "int8")).in_each_dtype(configs)
    assert [each.config_id for each in typed_ones] == [
        *("w0.5-r16", "w0.5-r16-int8", "w1-r16", "w1-r16-int8")
    ]
    assert [*Steps.all_of(make()).in_each_dtype(configs)] == configs


def test_steps_of_a_study_from_before_number_types_are_read() -> None:
    steps = Steps.all_of(make())
    values = steps.to_json()
    assert values.keys() == {"widths", "resolutions"}
    assert Steps.from_json(values) == steps
