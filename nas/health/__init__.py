"""`python -m nas.health`: how sound a trained supernet is."""

from nas.health.checkup import examine

__all__ = ["examine"]
