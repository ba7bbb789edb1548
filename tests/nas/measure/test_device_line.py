"""A made-up transport; test_over_ssh.py has the program at its other end."""

import json
import shlex
from collections.abc import Generator, Iterable
from typing import Any

import pytest

from nas.errors import NasError
from nas.measure.device_line import PROGRAM, CommandFailed, DeviceLine, LineDropped
from nas.measure.device_program import ANSWER


class Transport:
    """Yields lines, or raises what is among them; one list for each connection."""

    def __init__(self, *connections: list[str | Exception]) -> None:
        self.connections = list(connections)
        self.commands: list[str] = []
        self.stdin: list[bytes] = []

    def __call__(self, command: str, stdin: Iterable[bytes]) -> Generator[str, None, None]:
        self.commands.append(command)
        self.stdin.append(b"".join(stdin))
        for line in self.connections.pop(0) if len(self.connections) > 1 else self.connections[0]:
            if isinstance(line, Exception):
                raise line
            yield line


def answer(**values: Any) -> str:
    return ANSWER + json.dumps(values) + "\n"


def ask(line: DeviceLine) -> list[dict[str, Any]]:
    return line.insist(lambda: list(line.answers({"action": "look"})))


def test_the_program_the_request_and_the_payload_go_in_and_answers_come_out() -> None:
    transport = Transport(["Welcome!\n", answer(num_bytes=1), "\n", answer(num_bytes=2)])
    line = DeviceLine(transport, "pi", python="~/venv/bin/python")
    found = list(line.answers({"action": "put"}, [b"pay", b"load"]))
    assert found == [{"num_bytes": 1}, {"num_bytes": 2}]
    assert transport.stdin == [PROGRAM.read_bytes() + b'{"action": "put"}\npayload']
    python, option, code = shlex.split(transport.commands[0])
    assert (python, option) == ("~/venv/bin/python", "-c")
    compile(code, "bootstrap", "exec")


def test_pauses_grow_while_the_line_is_down_until_patience_ends() -> None:
    now = 0.0
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        nonlocal now
        pauses.append(seconds)
        now += seconds

    transport = Transport([answer()], [LineDropped("no route")])
    line = DeviceLine(transport, "pi", patience_s=300, sleep=sleep, clock=lambda: now)
    ask(line)
    with pytest.raises(NasError, match=r"must come back within 5 minutes, but: no route; what has"):
        ask(line)
    assert pauses == [1, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]


def test_a_word_from_the_device_begins_the_patience_anew(
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += 90

    drop = LineDropped("reset")
    transport = Transport([answer(), drop], [drop], [answer(), drop], [drop], [answer(end=1)])
    line = DeviceLine(transport, "pi", patience_s=100, sleep=sleep, clock=lambda: now)
    assert ask(line) == [{"end": 1}]
    notes = capsys.readouterr().err.splitlines()
    assert notes[:2] == [f"the line has dropped (reset); again in {n} s" for n in (1, 60)]
    assert len(notes) == 4


def test_half_an_answer_is_none() -> None:
    transport = Transport([answer(end=1)[:-3]], [answer(end=2)[:-1]], [answer(end=3)])
    line = DeviceLine(transport, "pi", sleep=lambda _: None)
    with pytest.raises(NasError, match="must open without a question, but: the device didn't ans"):
        ask(line)
    with pytest.raises(LineDropped, match="didn't answer"):
        list(line.answers({}))
    assert list(line.answers({})) == [{"end": 3}]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (answer(refused="have numpy"), "^pi must have numpy$"),
        (CommandFailed("not found"), "^pi must have Python 3.11 or later as python3, but: not fou"),
        (LineDropped("refused"), "^the line to pi must open .* by hand: ssh pi python3 --version$"),
    ],
)
def test_what_the_device_lacks_is_not_tried_again(line: str | Exception, message: str) -> None:
    transport = Transport([line])
    with pytest.raises(NasError, match=message):
        ask(DeviceLine(transport, "pi"))
    assert len(transport.commands) == 1
