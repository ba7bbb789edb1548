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
from planner.plan import Plan, make_plans
from planner.selector import Limits, Selector, select
from planner.table import LookupTable
from planner.target import Target

__all__ = [
    "Artifact",
    "Candidate",
    "DamagedTable",
    "Entry",
    "InvalidValue",
    "Limits",
    "LookupTable",
    "NoEntryFits",
    "OtherTarget",
    "Plan",
    "PlannerError",
    "Selector",
    "TableError",
    "Target",
    "UnknownVersion",
    "hypervolume",
    "make_plans",
    "pareto_front",
    "read_candidates",
    "select",
    "write_candidates",
]
