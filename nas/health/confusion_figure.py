"""Figure of the health report: top-1 of each class, and the confusion matrices of the corners."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from nas.health.class_table import worst_first
from nas.health.confusion import Confusion

MAX_CLASSES = 30
"""Above this, the classes with the lowest top-1 in the first config are shown."""
MAX_WITH_NUMBERS = 12
"""Above this, the cells of a matrix have no room for numbers."""
ROW_HEIGHT = 500
TICKS = {"type": "category", "dtick": 1, "tickfont": {"size": 9}}
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")
"""Of Okabe and Ito's palette, which is safe for colour-blind readers."""


def confusion_figure(confusions: Mapping[str, Confusion]) -> go.Figure:
    """Top-1 by class with intervals for each config_id, above a matrix for each, two in a row."""
    first = next(iter(confusions.values()))
    labels = sorted(worst_first(first.by_class())[:MAX_CLASSES])
    num_rows = 1 + (len(confusions) + 1) // 2
    figure = make_subplots(
        rows=num_rows,
        cols=2,
        specs=[[{"colspan": 2}, None], *([[{}, {}]] * (num_rows - 1))],
        vertical_spacing=0.12,
        horizontal_spacing=0.16,
        subplot_titles=(
            _title(first, labels),
            *(f"{each}: images of a class, by prediction" for each in confusions),
        ),
    )
    for index, (config_id, each) in enumerate(confusions.items()):
        figure.add_trace(_top1(config_id, each, labels, COLOURS[index % len(COLOURS)]), 1, 1)
        row, column = 2 + index // 2, 1 + index % 2
        figure.add_trace(_matrix(each, labels), row, column)
        figure.update_xaxes(title="predicted", **TICKS, row=row, col=column)
        figure.update_yaxes(title="class", **TICKS, autorange="reversed", row=row, col=column)
    figure.update_xaxes(**TICKS, row=1, col=1)
    figure.update_yaxes(title="top-1", tickformat=".0%", row=1, col=1)
    figure.update_xaxes(automargin=True)
    return figure.update_layout(
        template="plotly_white",
        height=ROW_HEIGHT * num_rows,
        scattermode="group",
        legend={"x": 1.01},
    )


def _title(first: Confusion, labels: Sequence[int]) -> str:
    which = f", the {len(labels)} worst" if len(labels) < len(first.classes) else ""
    return f"top-1 by class on {sum(first.counts.values())} report images{which}"


def _top1(config_id: str, each: Confusion, labels: Sequence[int], colour: str) -> go.Scatter:
    records = [
        record for record in map(each.by_class().__getitem__, labels) if record["num_images"]
    ]
    return go.Scatter(
        x=[record["class"] for record in records],
        y=[record["top1"] for record in records],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [record["top1_high"] - record["top1"] for record in records],
            "arrayminus": [record["top1"] - record["top1_low"] for record in records],
            "thickness": 1,
            "width": 2,
        },
        mode="markers",
        marker={"color": colour},
        name=config_id,
    )


def _matrix(each: Confusion, labels: Sequence[int]) -> go.Heatmap:
    """Shares of each class's images; a last column for predictions of classes not shown."""
    column = {label: index for index, label in enumerate(labels)}
    names = [each.classes[label] for label in labels]
    is_part = len(labels) < len(each.classes)
    counts = [[0] * (len(labels) + is_part) for _ in labels]
    for (label, predicted), count in each.counts.items():
        if label in column:
            counts[column[label]][column.get(predicted, len(labels))] += count
    return go.Heatmap(
        x=[*names, "(others)"] if is_part else names,
        y=names,
        z=[[count / max(1, sum(row)) for count in row] for row in counts],
        text=counts,
        texttemplate="%{text}" if len(labels) <= MAX_WITH_NUMBERS else None,
        hovertemplate="%{y} taken for %{x}: %{text} images (%{z:.1%})<extra></extra>",
        colorscale="Cividis",
        zmin=0,
        zmax=1,
        showscale=False,
    )
