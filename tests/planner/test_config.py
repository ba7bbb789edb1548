import pytest

from planner import Config, InvalidValue


@pytest.mark.parametrize("widths", [(), (0.0,), (1.1,), (True,), [0.5], (0.5,) * 1001])
def test_widths_are_a_tuple_of_fractions_above_0(widths: object) -> None:
    with pytest.raises(InvalidValue, match="`width_mults` must be a tuple of numbers above 0"):
        Config(config_id="w1-r8", width_mults=widths, resolution=8)  # type: ignore[arg-type]


def test_equal_configs_are_one_key() -> None:
    one, other = (Config(config_id="w1-r8", width_mults=(1.0,), resolution=8) for _ in range(2))
    assert len({one, other}) == 1
