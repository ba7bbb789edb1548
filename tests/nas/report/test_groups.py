from nas.report.groups import importance_figure, parallel_figure
from planner import Candidate


def test_a_uniform_width_is_drawn_for_each_group(candidates: list[Candidate]) -> None:
    mixed = candidates[0].with_values(width_mults=(0.25, 1.0))
    (lines,) = parallel_figure([candidates[0], mixed], ["stem", "head"]).data
    values = {each.label: list(each["values"]) for each in lines.dimensions}
    assert values["stem"] == [0.5, 0.25]
    assert values["head"] == [0.5, 1.0]
    assert values["top-1 %"] == [80.0, 80.0]
    assert values["MMACs"] == [2.5, 2.5]


def test_bars_have_a_row_for_each_parameter() -> None:
    shares = {"top-1": {"stem": 0.7, "resolution": 0.3}, "latency": {"stem": 1.0}}
    top1, latency = importance_figure(shares).data
    assert list(top1.y) == ["stem", "resolution"]
    assert list(latency.x) == [1.0]


def test_nothing_known_is_an_empty_figure() -> None:
    assert all(len(bars.x) == 0 for bars in importance_figure({"top-1": {}, "latency": {}}).data)
