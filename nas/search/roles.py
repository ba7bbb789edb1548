"""Roles of workers: which part of a trial each worker performs.

A trial has two parts. First, costs (latency, MACs, memory) are measured on the target; then
accuracy is scored, on any machine. A worker with the role "latency" stores the costs in the trial
and requeues it for a worker with the role "accuracy"; a worker with the role "all" does both parts.

Optuna's public `Study.ask` pops any waiting trial and offers no filter. So `take` reads the queue
itself, with the two storage calls that `ask` makes (`set_trial_state_values`, `create_new_trial`).
They are the only private members of Optuna that this project uses.
"""

import json

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, Trial, TrialState

from nas.evaluate.evaluation import Costs
from nas.search.claim import give_back

COSTS = "costs"
"""User attribute of a trial whose costs are measured."""


def take(study: optuna.Study, role: str) -> Trial | None:
    """Take a queued trial that `role` can work on, or else create a new one.

    Trials with costs come first. None if `role` is "accuracy" and no trial with costs is queued.
    No other worker gets the same trial, except in SQLite, which locks no rows: of two workers that
    take a trial in the same millisecond, the one that finishes it first is heard.
    """
    queued = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    for trial in sorted(queued, key=turn):
        if role in ("all", "accuracy" if has_costs(trial) else "latency") and _pop(study, trial):
            return Trial(study, trial._trial_id)
    if role == "accuracy":
        return None
    return Trial(study, study._storage.create_new_trial(study._study_id))


def has_costs(trial: Trial | FrozenTrial) -> bool:
    """Whether the trial's costs are measured."""
    return COSTS in trial.user_attrs


def turn(trial: Trial | FrozenTrial) -> tuple[bool, int]:
    """Sort key of trials: those with costs first, then by number."""
    return not has_costs(trial), trial.number


def hand_over(study: optuna.Study, trial: Trial, costs: Costs) -> None:
    """Store the costs in the trial and requeue it for a worker that scores accuracy."""
    try:
        trial.set_user_attr(COSTS, json.dumps(costs.to_json()))
    except UpdateFinishedTrialError:
        return  # another worker considered this one dead and took the trial over
    give_back(study, trial.number)


def _pop(study: optuna.Study, trial: FrozenTrial) -> bool:
    """Whether this worker got the trial: the storage lets only one worker change its state."""
    try:
        return study._storage.set_trial_state_values(trial._trial_id, state=TrialState.RUNNING)
    except UpdateFinishedTrialError:
        return False
