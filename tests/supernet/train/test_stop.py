"""Signals go to a process of the test's own: one that is not caught would end pytest's without a
word."""

import signal
import subprocess
import sys
from pathlib import Path

from supernet.train.stop import Stopped

PROGRAM = """
import signal, time
from supernet.train.stop import Stop

signal.alarm(120)  # ends this process where a signal is never noted

def wait_for_a_signal(stop):
    print("ready", stop.signal_number, flush=True)
    while not stop.signal_number:
        time.sleep(0.01)

for number in (signal.SIGTERM, signal.SIGINT):
    before = signal.getsignal(number)
    with Stop() as stop:
        wait_for_a_signal(stop)
    print(stop.signal_number == number, signal.getsignal(number) == before, flush=True)
with Stop() as stop:
    wait_for_a_signal(stop)
    try:
        print("once", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


def test_a_signal_is_noted_and_a_second_ctrl_c_interrupts_at_once() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    ) as process:
        assert process.stdout is not None
        for number, answer in [
            (signal.SIGTERM, "True True"),
            (signal.SIGINT, "True True"),
            (signal.SIGINT, "once"),
        ]:
            assert process.stdout.readline() == "ready 0\n"
            process.send_signal(number)
            assert process.stdout.readline() == f"{answer}\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "interrupted\n"
    assert process.returncode == 0


def test_stopped_is_an_interrupt_with_its_signal() -> None:
    assert isinstance(Stopped(signal.SIGTERM), KeyboardInterrupt)
    assert Stopped(signal.SIGTERM).signal_number == 15
