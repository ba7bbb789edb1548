"""The latency meter. It uses the standard library alone, because the kit packs these files."""

__all__: list[str] = []
