"""Searches a supernet for one target: study, storage, samplers, constraints."""

from nas.evaluate.constraint import Constraint
from nas.search.job import SearchJob
from nas.search.searching import score_for_others, search

__all__ = ["Constraint", "SearchJob", "score_for_others", "search"]
