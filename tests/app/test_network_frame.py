from dataclasses import replace

import pytest

from app.network_frame import groups_frame
from app.opening import Source


def test_groups_have_their_widths_and_multiply_adds(source: Source) -> None:
    entry, full = source.table.entries[3], source.table.entries[-1]
    unknown = groups_frame(source.table, entry)
    assert unknown["width"].tolist() == pytest.approx([100 * w for w in entry.config.width_mults])
    assert unknown["macs"].isna().all()
    told = {
        "groups": [
            {"layers": ["a", "b", "c", "d"], "num_channels": 16},
            {"layers": ["<a href='x'>e</a>"], "num_channels": 8},
        ],
        "group_macs": {entry.config_id: [10, 20], full.config_id: [40, 80]},
    }
    table = replace(source.table, supernet={**source.table.supernet, **told})
    frame = groups_frame(table, entry)
    assert frame["macs"].tolist() == [10, 20]
    assert frame["full_macs"].tolist() == [40, 80]
    assert frame["layers"][0] == "a, ..., d: 16 channels in 4 layers"
    assert frame["layers"][1].startswith("&lt;a href")  # a table's text is text in a tooltip
    uniform = entry.with_values(width_mults=(0.5,))
    assert groups_frame(table, uniform)["width"].tolist() == [50.0, 50.0]
    assert groups_frame(source.table, uniform)["group"].tolist() == ["all layers"]
