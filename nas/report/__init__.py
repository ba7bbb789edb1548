"""report.html: what a search found, drawn."""

__all__: list[str] = []
