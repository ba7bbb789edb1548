"""`python -m nas.measure`: a table's entries on another target."""

__all__: list[str] = []
