"""Decide with lookup tables: no torch, no streamlit, standard library and jsonschema."""

from planner.candidate import Candidate
from planner.candidates_csv import read_candidates, write_candidates
from planner.entry import Artifact, Entry
from planner.errors import (
    DamagedTable,
    InvalidValue,
    NoEntryFits,
    OtherTarget,
    PlannerError,
    TableError,
    UnknownVersion,
)
from planner.pareto import hypervolume, pareto_front
from planner.table import LookupTable
from planner.target import Target

__all__ = [
    "Artifact",
    "Candidate",
    "DamagedTable",
    "Entry",
    "InvalidValue",
    "LookupTable",
    "NoEntryFits",
    "OtherTarget",
    "PlannerError",
    "TableError",
    "Target",
    "UnknownVersion",
    "hypervolume",
    "pareto_front",
    "read_candidates",
    "write_candidates",
]
