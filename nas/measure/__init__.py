"""`python -m nas.measure`: a table's entries on another target."""

from nas.measure.measuring import measure, table_of

__all__ = ["measure", "table_of"]
