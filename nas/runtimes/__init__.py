"""Runtimes that execute a subnet: one file each, one contract."""

__all__: list[str] = []
