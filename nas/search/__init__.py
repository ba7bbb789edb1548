"""Search a supernet for one target: the study, its storage, the samplers, the limits."""

from nas.search.job import SearchJob
from nas.search.searching import score_for_others, search

__all__ = ["SearchJob", "score_for_others", "search"]
