from typing import Any

import optuna
import pytest

from nas.errors import StudyError
from nas.search.samplers import SAMPLERS, make_sampler


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_proposes_for_three_objectives_and_repeats_itself(name: str) -> None:
    def run() -> list[dict[str, object]]:
        sampler = make_sampler(name, 0, is_new=lambda _: True, features=_features, excess=_excess)
        study = optuna.create_study(
            directions=["maximize", "minimize", "minimize"], sampler=sampler
        )
        for _ in range(12):
            trial = study.ask()
            width = trial.suggest_int("width_step", 0, 15) / 20 + 0.25
            side = (16, 28)[trial.suggest_int("resolution_step", 0, 1)]
            study.tell(trial, [width, width * side, width**2])
        return [trial.params for trial in study.trials]

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    assert run() == run()


def test_an_unknown_sampler_is_refused() -> None:
    with pytest.raises(StudyError, match=r"one of guide, grid, nsga2, .* but got 'best'"):
        make_sampler("best", 0, is_new=lambda _: True, features=_features, excess=_excess)


def _excess(_: optuna.trial.FrozenTrial) -> list[float]:
    return []


def _features(params: dict[str, Any]) -> list[float]:
    return [params["width_step"], params["resolution_step"]]
