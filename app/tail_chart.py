"""The tail of each entry's latency: median, p90 and p99 side by side."""

import pandas as pd
import plotly.graph_objects as go

from app.charts import new_figure, scale_of
from app.quantities import P50
from planner import LookupTable

PERCENTILES = ("p50", "p90", "p99")


def tail_frame(table: LookupTable) -> pd.DataFrame:
    """One row an entry: config_id and each percentile in milliseconds."""
    rows = [
        (entry.config_id, *(entry.value(f"latency_{name}_ms") for name in PERCENTILES))
        for entry in table
    ]
    return pd.DataFrame(rows, columns=["config_id", *PERCENTILES])


def tail_figure(table: LookupTable) -> go.Figure:
    """A line a percentile over the entries, from fast to accurate."""
    frame, figure = tail_frame(table), new_figure(320)
    for name in PERCENTILES:
        figure.add_scatter(x=frame["config_id"], y=frame[name], name=name, mode="lines+markers")
    figure.update_yaxes(title=P50.label, **scale_of(frame["p99"]))
    return figure
