"""`python -m nas.measure`: measures the entries of a lookup table on another target."""

from nas.measure.artifacts import measure_artifacts
from nas.measure.measuring import measure, table_of

__all__ = ["measure", "measure_artifacts", "table_of"]
