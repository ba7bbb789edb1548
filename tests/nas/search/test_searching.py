"""The search from Python; what the command does with it is in test___main__.py."""

from nas.search.searching import FRONT_S, TRIAL_S


def test_the_front_is_timed_for_longer_than_a_trial() -> None:
    assert FRONT_S > 10 * TRIAL_S
