"""Searches a supernet for one target: study, storage, samplers, constraints."""

from nas.evaluate.constraint import Constraint
from nas.search.job import SearchJob
from nas.search.searching import score_for_others, search
from nas.search.several import jobs_by_target, search_targets

__all__ = [
    "Constraint",
    "SearchJob",
    "jobs_by_target",
    "score_for_others",
    "search",
    "search_targets",
]
