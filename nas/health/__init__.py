"""`python -m nas.health`: diagnostics of a trained supernet."""

from nas.health.checkup import examine

__all__ = ["examine"]
