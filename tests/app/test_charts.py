import pytest

from app import charts, frames
from app.opening import Source
from planner import Diff, make_plans


def test_devices(sources: dict[str, Source]) -> None:
    figure = charts.fronts_figure(frames.fronts_frame(sources))
    assert [trace.name for trace in figure.data] == list(sources)
    order = frames.order_frame(sources)
    chosen = order["config_id"].iloc[0]
    lines = charts.order_figure(order, chosen).data
    assert sum(line.line.width == 4 for line in lines) == 1
    one = charts.config_figure(frames.config_frame(sources, chosen))
    assert [len(trace.x) for trace in one.data] == [2, 2, 2]


def test_regret(sources: dict[str, Source]) -> None:
    plans = make_plans([source.table for source in sources.values()], 4)
    figure = charts.regret_figure(frames.regret_frame(plans), 2)
    ring = next(trace for trace in figure.data if trace.name == "this plan")
    assert list(ring.x) == [2]
    assert list(ring.y) == [plans[1].regret * 100]


@pytest.mark.parametrize("num_groups", [1, 5, 40])
def test_network(num_groups: int) -> None:
    widths = frames.widths_frame([0.5] * num_groups)
    full, mine = charts.network_figure(widths, 24, 28).data
    assert list(full.y) == [100.0] * (num_groups + 1)
    assert list(mine.y) == pytest.approx([100 * 24 / 28] + [50.0] * num_groups)
    assert list(mine.base) == pytest.approx([-y / 2 for y in mine.y])


def test_shares() -> None:
    (bars,) = charts.share_figure([("Multiply-adds", 31.1, "2.91 MMACs")]).data
    assert bars.text[0] == "31.1 %: 2.91 MMACs"


def test_diffs(sources: dict[str, Source]) -> None:
    diff = Diff(*(source.table for source in sources.values()))
    (slower,) = charts.diff_figure(frames.diff_frame(diff)).data
    assert slower.name == "slower"
    assert len(slower.x) == 40
    old, new = charts.budgets_figure(frames.budgets_frame(diff)).data
    assert (old.name, new.name) == ("old table", "new table")


def test_long_names_are_cut() -> None:
    assert charts.short("a" * 60) == "a" * 60
    assert charts.short("a" * 61) == "a" * 57 + "..."
