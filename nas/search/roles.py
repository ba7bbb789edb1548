"""Roles of workers: which part of a trial each does.

A trial has two parts. The costs (latency, MACs, memory) come first and need the target; accuracy
can be scored anywhere. A worker with the role "latency" stores the costs in the trial and queues it
again for a worker with the role "accuracy"; "all" does both.

Optuna's public `Study.ask` pops any waiting trial and cannot be given a filter, so `take` reads the
queue itself, with the two calls to the storage that `ask` makes (`set_trial_state_values`,
`create_new_trial`). They are the only private members of Optuna that this project uses.
"""

import json

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, Trial, TrialState

from nas.evaluate.evaluation import Costs
from nas.search.claim import give_back

COSTS = "costs"
"""Attribute of a trial whose first part is done."""


def take(study: optuna.Study, role: str) -> Trial | None:
    """A trial that only this worker has: a queued one that it can do, or a new one.

    Those whose first part is done come first. None where there is nothing that `role` can do.
    """
    queued = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    for trial in sorted(queued, key=turn):
        if role in ("all", "accuracy" if has_costs(trial) else "latency") and _pop(study, trial):
            return Trial(study, trial._trial_id)
    if role == "accuracy":
        return None
    return Trial(study, study._storage.create_new_trial(study._study_id))


def has_costs(trial: Trial | FrozenTrial) -> bool:
    """Whether the first part is done."""
    return COSTS in trial.user_attrs


def turn(trial: Trial | FrozenTrial) -> tuple[bool, int]:
    """Of two trials the one with the lower turn goes first: with costs, then the lower number."""
    return not has_costs(trial), trial.number


def hand_over(study: optuna.Study, trial: Trial, costs: Costs) -> None:
    """Store the costs in the trial and queue it for a worker that scores accuracy."""
    try:
        trial.set_user_attr(COSTS, json.dumps(costs.to_json()))
    except UpdateFinishedTrialError:
        return  # another worker took this one for dead
    give_back(study, trial.number)


def _pop(study: optuna.Study, trial: FrozenTrial) -> bool:
    """Whether this worker got it: the storage lets one change the state."""
    try:
        return study._storage.set_trial_state_values(trial._trial_id, state=TrialState.RUNNING)
    except UpdateFinishedTrialError:
        return False
