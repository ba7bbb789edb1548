"""Searches a supernet for one target: study, storage, samplers, limits."""

from nas.search.job import SearchJob
from nas.search.searching import score_for_others, search

__all__ = ["SearchJob", "score_for_others", "search"]
