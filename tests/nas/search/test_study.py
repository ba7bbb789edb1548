"""The study with an `evaluate` that computes in no time what a real one measures."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy
import optuna
import pytest
import torch
from optuna.trial import TrialState

from nas.conversions import subnet_config
from nas.errors import StudyError
from nas.evaluate.constraint import Constraint
from nas.evaluate.evaluation import Costs, Device, Evaluation
from nas.search.job import SearchJob
from nas.search.steps import Steps
from nas.search.study import Study
from planner import Candidate, pareto_front
from supernet import SearchSpace, SubnetConfig, Supernet
from supernet.models import WideResNet

SPACE = SearchSpace(resolutions=(16, 12), groups="one")
TARGET = {"weights": "abc", "target": "def"}


@pytest.fixture(scope="module")
def supernet() -> Supernet:
    model = WideResNet(10, depth=10, widen=2)
    return Supernet(model, torch.empty(1, 3, 16, 16), SPACE)


@pytest.fixture(scope="module")
def staged() -> Supernet:
    """A width for each of three stages."""
    space = SearchSpace(resolutions=(16,), groups="stage")
    return Supernet(WideResNet(10, depth=10, widen=2), torch.empty(1, 3, 16, 16), space)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluating takes no time here."""
    monkeypatch.setattr("nas.search.study.WAIT_S", 0.02)


def evaluate(config: SubnetConfig) -> Evaluation:
    width = sum(config.width_mults) / len(config.width_mults)
    macs = int(1e6 * width**2 * config.resolution**2)
    latency = 1e-7 * macs
    top1 = 1 - 1 / (2 + width * config.resolution**1.1)
    candidate = Candidate.from_values(
        config_id=config.config_id,
        origin="search",
        width_mults=config.width_mults,
        resolution=config.resolution,
        top1=top1,
        top1_low=top1,
        top1_high=top1,
        macs=macs,
        num_params=1,
        latency_p50_ms=latency,
        latency_p90_ms=latency,
        latency_p99_ms=latency,
        latency_p50_low_ms=latency,
        latency_p50_high_ms=latency,
        num_samples=1,
        kind="measured",
    )
    return Evaluation(candidate=candidate, correct=numpy.arange(100) < 100 * top1)


def open_study(supernet: Supernet, folder: Path, job: SearchJob | None = None) -> Study:
    storage = f"sqlite:///{folder / 'study.db'}"
    return Study(supernet, storage, job or SearchJob(), belongs_to=TARGET)


def run(
    study: Study,
    num_trials: int,
    evaluate: Callable[[SubnetConfig], Evaluation] = evaluate,
    min_gain: float = 0.0,
) -> list[Candidate]:
    """What this worker adds until there are `num_trials` candidates."""
    study.job = replace(study.job, num_trials=max(num_trials, 1), min_gain=min_gain)
    found = []
    while num_trials and (proposal := study.ask()):
        with study.claimed(proposal):
            evaluation = evaluate(proposal.config)
        if told := study.tell(proposal, evaluation):
            found.append(told.candidate)
    return found


def channels(supernet: Supernet, candidate: Candidate) -> tuple[int, ...]:
    config = SubnetConfig(
        width_mults=candidate.config.width_mults, resolution=candidate.config.resolution
    )
    return *supernet.kept_counts(config), config.resolution


def test_the_grid_is_the_papers_and_nothing_else(supernet: Supernet, tmp_path: Path) -> None:
    found = run(open_study(supernet, tmp_path, SearchJob(sampler="grid")), 1000)
    distinct = {
        (*supernet.kept_counts(config), config.resolution): config for config in SPACE.grid()
    }
    assert {candidate.origin for candidate in found} == {"grid"}
    assert {channels(supernet, each) for each in found} == set(distinct)
    assert len(found) == len(distinct)


def test_a_few_spread_configs_come_first_then_the_guides(staged: Supernet, tmp_path: Path) -> None:
    study = open_study(staged, tmp_path)
    num_queued = len(study.trials.of(TrialState.WAITING))
    assert 10 <= num_queued <= 16
    found = run(study, num_queued)
    assert [found[0].config_id, found[1].config_id] == ["w1-r16", "w0.25-r16"]
    assert numpy.isnan(study.expected_gain)
    assert sum(len(each.config.width_mults) == 3 for each in found) >= 6
    run(study, 20)
    assert study.expected_gain > 0, "the guide proposed"


def test_the_steps_are_found_once_and_shared_by_all_workers(
    supernet: Supernet, tmp_path: Path
) -> None:
    few, times = Steps(widths=((0.25, 0.5, 1.0),), resolutions=(12, 16)), []

    def find() -> Steps:
        times.append(1)
        return few

    storage = f"sqlite:///{tmp_path / 'study.db'}"
    for _ in range(2):
        study = Study(supernet, storage, SearchJob(), belongs_to=TARGET, find_steps=find)
        assert study.steps == few
    scoring = Study(supernet, storage, SearchJob(role="accuracy"), belongs_to=TARGET)
    assert scoring.steps == few
    assert len(times) == 1
    assert {each.config_id for each in run(study, 100)} == {
        f"w{width}-r{side}" for width in ("0.25", "0.5", "1") for side in (12, 16)
    }


def test_no_config_is_evaluated_twice_and_the_space_can_be_used_up(
    supernet: Supernet, tmp_path: Path
) -> None:
    study = open_study(supernet, tmp_path)
    found = run(study, 10_000)
    assert len(found) == 2 * 13  # 13 widths round to different channels
    assert len({channels(supernet, candidate) for candidate in found}) == len(found)
    assert run(study, 10_000) == []


def test_a_uniform_config_has_the_simple_name(staged: Supernet, tmp_path: Path) -> None:
    found = run(open_study(staged, tmp_path), 30)
    num_widths = {
        o: {len(c.config.width_mults) for c in found if c.origin == o} for o in ("grid", "search")
    }
    assert num_widths == {"grid": {1}, "search": {3}}


@pytest.mark.parametrize("num_candidates", [0, 1, 5])
def test_any_number_of_trials(supernet: Supernet, tmp_path: Path, num_candidates: int) -> None:
    assert len(run(open_study(supernet, tmp_path), num_candidates)) == num_candidates


def test_a_resumed_study_goes_on_and_ends_with_the_same_grid(
    supernet: Supernet, tmp_path: Path
) -> None:
    job = SearchJob(sampler="grid")
    first = run(open_study(supernet, tmp_path, job), 5)
    again = open_study(supernet, tmp_path, job)
    assert again.candidates() == first
    rest = run(again, 26)
    assert len(rest) == 21
    assert {c.config_id for c in first}.isdisjoint(c.config_id for c in rest)
    assert {c.origin for c in first + rest} == {"grid"}


def test_a_trial_that_was_killed_is_evaluated_anew(supernet: Supernet, tmp_path: Path) -> None:
    study = open_study(supernet, tmp_path)
    run(study, 3)

    def killed(config: SubnetConfig) -> Evaluation:
        raise SystemExit

    with pytest.raises(SystemExit):
        run(study, 4, killed)
    again = open_study(supernet, tmp_path)
    run(again, 26)
    assert len(again.candidates()) == 26
    assert not again.study.get_trials(states=(TrialState.RUNNING,))


def test_limits_steer_the_suggestions_through_optunas_constraints(
    supernet: Supernet, tmp_path: Path
) -> None:
    study = open_study(supernet, tmp_path, SearchJob(constraints=(Constraint("macs", 50e6),)))
    run(study, 5)
    for trial in study.study.get_trials(states=(TrialState.COMPLETE,)):
        (excess,) = trial.constraints.values()
        assert (excess <= 0) == (trial.values[1] <= 5)


def test_the_front_of_the_study_is_optunas_own_front(supernet: Supernet, tmp_path: Path) -> None:
    study = open_study(supernet, tmp_path)
    run(study, 26)
    best = {trial.user_attrs["candidate"] for trial in study.study.best_trials}
    assert len(best) == len(pareto_front(study.candidates()))


def test_workers_at_full_speed_evaluate_no_more_than_asked_and_nothing_twice(
    staged: Supernet, tmp_path: Path
) -> None:
    """Evaluating takes no time here, so that workers meet at every trial."""
    shared = f"journal:{tmp_path / 'log'}"
    studies = [Study(staged, shared, SearchJob(seed=seed), belongs_to=TARGET) for seed in range(4)]
    for num_candidates in range(26, 38, 2):  # the end of a search is where they meet
        with ThreadPoolExecutor() as pool:
            list(pool.map(run, studies, [num_candidates] * 4))
        done = studies[0].study.get_trials(states=(TrialState.COMPLETE,))
        assert len(done) == len(studies[0].candidates()) == num_candidates


def test_the_same_seed_suggests_the_same(staged: Supernet, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
    one, other = (run(open_study(staged, folder), 32) for folder in folders)
    assert one == other


def test_guided_by_macs_the_same_seed_suggests_the_same_whatever_is_measured(
    tmp_path: Path,
) -> None:
    space = SearchSpace(resolutions=(16,), groups="stage")
    supernet = Supernet(WideResNet(10, depth=10, widen=1), torch.empty(1, 3, 16, 16), space)

    def suggested(seed: int, stops: list[int]) -> list[Candidate]:
        noise = numpy.random.default_rng(seed)

        def measure(config: SubnetConfig) -> Evaluation:
            evaluation, factor = evaluate(config), noise.uniform(0.8, 1.2)
            values = evaluation.candidate.values()
            latencies = {n: factor * v for n, v in values.items() if n.startswith("latency")}
            return replace(evaluation, candidate=evaluation.candidate.with_values(**latencies))

        for num_candidates in [*stops, 30]:
            storage = f"sqlite:///{tmp_path / str(seed)}.db"
            study = Study(supernet, storage, SearchJob(repeatable=True), belongs_to=TARGET)
            run(study, num_candidates, measure)
        return study.candidates()

    one, other = suggested(1, []), suggested(2, [12, 24])
    assert [each.config_id for each in one] == [each.config_id for each in other]
    assert [each.latency.p50_ms for each in one] != [each.latency.p50_ms for each in other]
    assert sum(each.origin == "search" for each in one) >= 10


def test_another_supernet_or_target_is_refused(supernet: Supernet, tmp_path: Path) -> None:
    run(open_study(supernet, tmp_path), 1)
    other = {"weights": "abc", "target": "xyz"}
    with pytest.raises(StudyError, match="target was def, is xyz"):
        Study(supernet, f"sqlite:///{tmp_path / 'study.db'}", SearchJob(), belongs_to=other)


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + b"\1" * 5000])
def test_a_damaged_study_is_refused_and_stays(
    supernet: Supernet, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "study.db"
    path.write_bytes(content)
    with pytest.raises(StudyError, match="must be an Optuna storage") as caught:
        open_study(supernet, tmp_path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content


def test_a_study_whose_candidates_are_gone_is_refused(supernet: Supernet, tmp_path: Path) -> None:
    run(open_study(supernet, tmp_path), 2)
    with sqlite3.connect(tmp_path / "study.db") as database:
        database.execute("DELETE FROM trial_user_attributes WHERE key = 'candidate'")
    database.close()
    with pytest.raises(StudyError, match="must hold its candidate"):
        open_study(supernet, tmp_path)


@pytest.mark.parametrize("params", [{}, {"width_step0": 3, "resolution_step": 0}])
def test_a_trial_that_a_person_added_does_not_end_the_search(
    staged: Supernet,
    tmp_path: Path,
    params: dict[str, int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    job = SearchJob(constraints=(Constraint("macs", 200_000_000),))
    study = open_study(staged, tmp_path, job)
    run(study, 20)
    distributions = study.study.trials[0].distributions
    added = optuna.create_trial(
        values=[0.5, 1.0],
        params=params,
        distributions={name: distributions[name] for name in params},
    )
    study.study.add_trial(added)
    assert len(run(study, 32)) == 12
    again = open_study(staged, tmp_path, job)
    assert len(run(again, 34)) == 2
    assert study.expected_gain == study.expected_gain, "the guide proposed"
    assert len(again.candidates()) == 34
    err = capsys.readouterr().err
    assert err.count("\n") == err.count("passed over, as no worker evaluated them: trial(s)") == 2


def test_optuna_says_nothing(
    supernet: Supernet, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run(open_study(supernet, tmp_path), 3)
    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == optuna.logging.ERROR


def open_role(supernet: Supernet, folder: Path, role: str) -> Study:
    job = SearchJob(role=role, num_trials=30)
    return Study(supernet, f"journal:{folder / 'log'}", job, belongs_to=TARGET)


def costs(config: SubnetConfig) -> Costs:
    candidate = evaluate(config).candidate
    return Costs(macs=candidate.macs, num_params=1, latency=candidate.latency)


def measure_all(study: Study, num_trials: int) -> None:
    """What a worker on the target does."""
    study.job = replace(study.job, num_trials=num_trials)
    while proposal := study.ask():
        with study.claimed(proposal):
            found = costs(proposal.config)
        study.hand_over(proposal, found)


def test_one_worker_measures_and_two_others_score(staged: Supernet, tmp_path: Path) -> None:
    target, *scoring = (
        open_role(staged, tmp_path, role) for role in ("latency", "accuracy", "accuracy")
    )
    seen = []

    def score(study: Study) -> None:
        while proposal := study.ask():
            with study.claimed(proposal):
                evaluation = evaluate(proposal.config)
                assert proposal.costs == costs(proposal.config), "scored before it was measured"
                seen.append(proposal.config)
            study.tell(proposal, evaluation)

    with ThreadPoolExecutor() as pool:
        measuring = pool.submit(measure_all, target, 30)
        list(pool.map(score, scoring))
        measuring.result()
    assert len(seen) == len(target.candidates()) == 30
    assert len({channels(staged, each) for each in target.candidates()}) == 30
    assert {each.origin for each in target.candidates()} == {"grid", "search"}
    assert not target.study.get_trials(states=(TrialState.RUNNING,))


def test_a_worker_that_only_scores_ends_when_there_are_no_more_configs(
    supernet: Supernet, tmp_path: Path
) -> None:
    target, scoring = (open_role(supernet, tmp_path, role) for role in ("latency", "accuracy"))
    with ThreadPoolExecutor() as pool:
        measuring = pool.submit(measure_all, target, 1000)
        assert len(run(scoring, 1000)) == 2 * 13
        measuring.result()


def test_a_worker_with_both_roles_finishes_what_others_have_measured(
    supernet: Supernet, tmp_path: Path
) -> None:
    target = open_role(supernet, tmp_path, "latency")
    with ThreadPoolExecutor() as pool:
        measuring = pool.submit(measure_all, target, 26)
        found = run(open_role(supernet, tmp_path, "all"), 26)
        measuring.result()
    assert len(found) == 26


def test_a_worker_that_only_scores_cannot_begin_a_search(
    supernet: Supernet, tmp_path: Path
) -> None:
    with pytest.raises(StudyError, match="start one with a worker on the target"):
        open_role(supernet, tmp_path, "accuracy")
    assert run(open_role(supernet, tmp_path, "all"), 1)


def test_memory_can_be_an_objective_and_a_study_keeps_its_own(
    supernet: Supernet, tmp_path: Path
) -> None:
    def with_memory(config: SubnetConfig) -> Evaluation:
        evaluation = evaluate(config)
        candidate = replace(evaluation.candidate, peak_memory_bytes=5)
        return replace(evaluation, candidate=candidate, energy_mj=2.5)

    names = ("top1", "num_params", "peak_memory_bytes", "energy_mj")
    study = open_study(supernet, tmp_path, SearchJob(objectives=names))
    run(study, 16, with_memory)
    assert study.study.get_trials(states=(TrialState.COMPLETE,))[0].values[1:] == [1.0, 5.0, 2.5]
    assert study.evaluations()[0].energy_mj == 2.5
    with pytest.raises(StudyError, match="objectives was top1 num_params peak_memory_bytes energy"):
        open_study(supernet, tmp_path)


@pytest.mark.parametrize("before", [(), (Constraint("macs", 50e6), Constraint("top1", 0.9))])
def test_known_candidates_count_under_other_constraints(
    staged: Supernet, tmp_path: Path, before: tuple[Constraint, ...]
) -> None:
    run(open_study(staged, tmp_path, SearchJob(constraints=before)), 20)
    now = (Constraint("latency_p99_ms", 10.0), Constraint("macs", 90e6))
    study = open_study(staged, tmp_path, SearchJob(constraints=now))
    found = run(study, 40)
    assert len(found) == 20
    kept = [each.latency.p99_ms <= 10 and each.macs <= 90e6 for each in found]
    assert sum(kept[5:]) >= 10, "the guide proposes what keeps the constraints of now"


def test_constraints_that_nothing_keeps_are_violated_as_little_as_possible(
    staged: Supernet, tmp_path: Path
) -> None:
    """The top1 of the largest config with half of its MACs: proposals lie between the bounds."""
    best = evaluate(SubnetConfig(width_mults=(1.0,), resolution=16)).candidate
    top1 = Constraint("top1", best.accuracy.top1)
    job = SearchJob(constraints=(top1, Constraint("macs", best.macs / 2)))
    found = run(open_study(staged, tmp_path, job), 36)
    wrong = [
        top1.excess(each.accuracy.top1) + max(0.0, each.macs / best.macs * 2 - 1) for each in found
    ]
    assert numpy.median(wrong[-12:]) < numpy.median(wrong[:12])


def test_optunas_samplers_do_not_go_on_with_other_constraints(
    staged: Supernet, tmp_path: Path
) -> None:
    bound = (Constraint("macs", 50e6),)
    run(open_study(staged, tmp_path), 3)
    run(open_study(staged, tmp_path, SearchJob(sampler="random", constraints=bound)), 4)
    with pytest.raises(StudyError, match=r"they were none, are macs<=5e\+07; omit --sampler"):
        open_study(staged, tmp_path, SearchJob(sampler="nsga2", constraints=bound))


def test_a_search_says_that_it_has_ended_when_little_is_to_be_gained(
    staged: Supernet, tmp_path: Path
) -> None:
    study = open_study(staged, tmp_path)
    found = run(study, 38, min_gain=0.5)  # half of the hypervolume: never
    assert 12 <= len(found) < 38
    assert study.expected_gain < 0.5
    again = open_study(staged, tmp_path)
    assert len(run(again, 38)) == 38 - len(found), "it may go on"


def test_what_was_good_elsewhere_comes_right_after_the_corners(
    staged: Supernet, tmp_path: Path
) -> None:
    known = SubnetConfig(width_mults=(0.55,), resolution=16)  # on the grid, too
    other = SubnetConfig(width_mults=(1.0, 0.25, 0.6), resolution=16)
    study = open_study(staged, tmp_path, SearchJob(warm_start=(known, other, other)))
    found = run(study, 27)
    assert [c.origin for c in found[:4]] == ["grid", "grid", "grid", "search"]
    assert [c.config_id for c in found[:3]] == ["w1-r16", "w0.25-r16", "w0.55-r16"]
    assert staged.kept_counts(subnet_config(found[3])) == staged.kept_counts(other)
    assert len({channels(staged, c) for c in found}) == 27


@pytest.mark.parametrize(("width", "resolution"), [(0.1, 16), (0.5, 15)])
def test_what_the_space_does_not_hold_cannot_come_first(
    supernet: Supernet, tmp_path: Path, width: float, resolution: int
) -> None:
    config = SubnetConfig(width_mults=(width,), resolution=resolution)
    with pytest.raises(StudyError, match="must have widths >= "):
        open_study(supernet, tmp_path, SearchJob(warm_start=(config,)))


def test_what_a_slower_device_of_the_fleet_has_timed_is_corrected(
    supernet: Supernet, tmp_path: Path
) -> None:
    study = open_study(supernet, tmp_path)

    def on(host: str, slowness: float) -> Callable[[SubnetConfig], Evaluation]:
        def timed(config: SubnetConfig) -> Evaluation:
            found = evaluate(config)
            slow = replace(found.candidate, latency=found.candidate.latency.times(slowness))
            return replace(found, candidate=slow, device=Device(host=host, reference_ms=slowness))

        return timed

    run(study, 4, on("one", 1.0))
    run(study, 8, on("two", 1.25))
    for each in study.candidates():
        plain = evaluate(subnet_config(each)).candidate.latency
        assert each.latency.p50_ms == pytest.approx(plain.p50_ms)
    assert [(each["host"], each["correction"]) for each in study.devices()] == [
        ("one", 1.0),
        ("two", 0.8),
    ]
    values = [trial.values[1] for trial in study.trials.of(TrialState.COMPLETE)]
    assert values == [each.latency.p50_ms for each in study.candidates()]
