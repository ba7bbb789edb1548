import signal

import pytest

from supernet.train.stop import Stop, Stopped


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_noted_and_interrupts_nothing(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with Stop() as stop:
        assert stop.signal_number == 0
        signal.raise_signal(number)
        assert stop.signal_number == number
    assert signal.getsignal(number) == before


def test_a_second_ctrl_c_interrupts_at_once() -> None:
    with Stop():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_stopped_is_an_interrupt_with_its_signal() -> None:
    assert isinstance(Stopped(signal.SIGTERM), KeyboardInterrupt)
    assert Stopped(signal.SIGTERM).signal_number == 15
