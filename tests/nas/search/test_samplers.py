import optuna
import pytest

from nas.errors import StudyError
from nas.search.samplers import SAMPLERS, make_sampler


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_proposes_for_three_objectives_and_repeats_itself(name: str) -> None:
    def run() -> list[dict[str, object]]:
        sampler = make_sampler(name, 0, is_new=lambda params: True)
        study = optuna.create_study(
            directions=["maximize", "minimize", "minimize"], sampler=sampler
        )
        for _ in range(12):
            trial = study.ask()
            width = trial.suggest_float("width", 0.25, 1)
            side = trial.suggest_categorical("resolution", [28, 16])
            study.tell(trial, [width, width * side, width**2])
        return [trial.params for trial in study.trials]

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    assert run() == run()


def test_an_unknown_sampler_is_refused() -> None:
    with pytest.raises(StudyError, match=r"one of guide, nsga2, .* but got 'best'"):
        make_sampler("best", 0, is_new=lambda params: True)
