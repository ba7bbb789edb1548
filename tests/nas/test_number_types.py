from nas.conversions import planner_config, subnet_config
from nas.number_types import TypedConfig, dtype_of, typed
from planner import Candidate
from supernet import SubnetConfig

PLAIN = SubnetConfig(width_mults=(0.25, 0.5), resolution=24)


def test_the_name_says_the_number_type_but_float32() -> None:
    assert typed(PLAIN, "int8").config_id == "w0.25_0.5-r24-int8"
    assert typed(PLAIN, "bfloat16").config_id == "w0.25_0.5-r24-bfloat16"
    assert typed(PLAIN, "float32").config_id == "w0.25_0.5-r24"


def test_without_a_number_type_it_is_the_plain_config() -> None:
    assert typed(PLAIN, None) == typed(typed(PLAIN, "int8"), None) == PLAIN
    assert dtype_of(PLAIN) is None
    assert dtype_of(typed(PLAIN, "int8")) == "int8"


def test_configs_in_different_number_types_are_different() -> None:
    assert len({PLAIN, typed(PLAIN, "float32"), typed(PLAIN, "int8")}) == 3
    equal = TypedConfig(width_mults=(0.5, 0.5), resolution=24, dtype="int8")
    assert typed(SubnetConfig(width_mults=(0.5,), resolution=24), "int8") == equal


def test_a_candidate_keeps_it(candidates: list[Candidate]) -> None:
    config = typed(PLAIN, "int8")
    values = vars(candidates[0]) | {"config": planner_config(config)}
    assert Candidate(**values).config.dtype == "int8"
    assert subnet_config(Candidate(**values)) == config
    assert dtype_of(subnet_config(candidates[0])) is None
