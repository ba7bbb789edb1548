"""report.html: the results of a search as charts and tables."""

__all__: list[str] = []
