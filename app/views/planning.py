"""Plans, computed once for each question and kept; a bar shows the progress."""

from collections.abc import Callable
from functools import lru_cache

import streamlit as st

from app.plan_frames import Budgets
from planner import LookupTable, Plan, make_plans

_Tables = tuple[LookupTable, ...]


class _Question:
    """Arguments of make_plans, compared by the identity of the tables."""

    def __init__(
        self,
        tables: _Tables,
        weights: tuple[float, ...],
        budgets: tuple[tuple[float, float], ...] | None,
        num_entries: int,
    ) -> None:
        self.tables, self.weights, self.budgets = tables, weights, budgets
        self.num_entries = num_entries
        self.progress: Callable[[int, int], None] | None = None

    @property
    def _key(self) -> tuple[object, ...]:
        return (tuple(map(id, self.tables)), self.weights, self.budgets, self.num_entries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Question) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@lru_cache(maxsize=16)  # the question keeps its tables alive, so an id is not used again
def _answer(question: _Question) -> list[Plan]:
    return make_plans(
        question.tables,
        question.num_entries,
        weights=question.weights,
        budgets=question.budgets,
        progress=question.progress,
    )


def plans_of(
    tables: _Tables,
    weights: tuple[float, ...],
    budgets: Budgets | None,
    num_entries: int,
) -> list[Plan]:
    """The plans of 1 to `num_entries` entries, as make_plans; raises InvalidValue.

    While they are computed, a bar stands where this is called.
    """
    place = st.empty()
    question = _Question(tables, weights, None if budgets is None else tuple(budgets), num_entries)
    question.progress = lambda done, most: _show(place, done, most)
    plans = _answer(question)
    question.progress = None
    place.empty()
    return plans


def _show(place: "st.delta_generator.DeltaGenerator", done: int, most: int) -> None:
    place.progress(done / most, f"Planning: {done} of {most} entries")
