"""Search a supernet for one target: cost, measured latency, Optuna, the lookup table.

`nas.search` is a command and is not imported here: `python -m nas.search` would then warn.
"""

__all__: list[str] = []
