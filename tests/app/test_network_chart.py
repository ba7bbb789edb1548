import pandas as pd
import pytest

from app.network_chart import network_figure


@pytest.mark.parametrize("num_groups", [1, 5, 40])
@pytest.mark.parametrize("macs", [None, 2e6])
def test_the_full_network_stands_behind_the_config(num_groups: int, macs: float | None) -> None:
    groups = pd.DataFrame(
        {
            "group": [f"group {i}" for i in range(num_groups)],
            "width": 50.0,
            "layers": "a",
            "macs": pd.Series([macs] * num_groups, dtype=float),
            "full_macs": pd.Series([macs and 2 * macs] * num_groups, dtype=float),
        }
    )
    full, mine, *more = network_figure(groups, 24, 28).data
    assert list(full.y) == [100.0] * (num_groups + 1)
    assert list(mine.y) == pytest.approx([100 * 24 / 28] + [50.0] * num_groups)
    assert list(mine.base) == pytest.approx([-y / 2 for y in mine.y])
    assert len(more) == (0 if macs is None else 2)
    if more:
        assert list(more[0].y) == [4.0] * num_groups
        assert list(more[1].y) == [2.0] * num_groups
    assert (mine.text is not None) == (num_groups < 12)
