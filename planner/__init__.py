"""Select and plan with lookup tables; needs only the standard library and jsonschema."""

from planner.accuracy import Accuracy
from planner.artifacts import check_artifact
from planner.book import Book, read_tables
from planner.candidate import Candidate
from planner.candidates_csv import read_candidates, write_candidates
from planner.config import Config
from planner.controller import Controller
from planner.diff import Diff
from planner.entry import Artifact, Entry
from planner.errors import (
    DamagedTable,
    InvalidValue,
    NoEntryFits,
    OtherTarget,
    PlannerError,
    TableError,
    TargetWarning,
    UnknownVersion,
)
from planner.input_batch import preprocess
from planner.latency import Latency
from planner.limits import Limits
from planner.pareto import hypervolume, pareto_front
from planner.plan import Plan, make_plans
from planner.preprocessing import Preprocessing
from planner.selector import Selector, select
from planner.session import AdaptiveSession
from planner.session_stats import SessionStats
from planner.softmax import class_probabilities
from planner.table import LookupTable
from planner.target import Target
from planner.target_difference import target_differences

__all__ = [
    "Accuracy",
    "AdaptiveSession",
    "Artifact",
    "Book",
    "Candidate",
    "Config",
    "Controller",
    "DamagedTable",
    "Diff",
    "Entry",
    "InvalidValue",
    "Latency",
    "Limits",
    "LookupTable",
    "NoEntryFits",
    "OtherTarget",
    "Plan",
    "PlannerError",
    "Preprocessing",
    "Selector",
    "SessionStats",
    "TableError",
    "Target",
    "TargetWarning",
    "UnknownVersion",
    "check_artifact",
    "class_probabilities",
    "hypervolume",
    "make_plans",
    "pareto_front",
    "preprocess",
    "read_candidates",
    "read_tables",
    "select",
    "target_differences",
    "write_candidates",
]
