"""Neural architecture search over a supernet's subnets, for one target.

Nothing is imported here: importing `nas.search` would make `python -m nas.search` print a warning.
"""

__all__: list[str] = []
