from app.opening import Source
from app.tail_chart import PERCENTILES, tail_figure


def test_each_percentile_has_a_point_for_each_entry(source: Source) -> None:
    lines = tail_figure(source.table).data
    assert [line.name for line in lines] == list(PERCENTILES)
    for line in lines:
        assert len(line.y) == len(source.table)
    assert all(low <= high for low, high in zip(lines[0].y, lines[2].y, strict=True))
