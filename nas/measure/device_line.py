"""Talks with `device_program` on a device, over a line that may drop."""

import json
import shlex
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from nas.errors import NasError
from nas.measure import device_program
from nas.measure.device_program import ANSWER

PROGRAM = Path(device_program.__file__)
PATIENCE_S = 600.0
LONGEST_PAUSE_S = 60.0

# The only words that the device's shell sees. Without a folder of this name in the way: the home
# folder is the current one. Old versions of Python read no further than they must.
BOOTSTRAP = (
    'import sys; sys.version_info >= (3, 11) or sys.exit("this is Python " + sys.version.split()[0]'
    "); sys.path = [each for each in sys.path if each]; exec(sys.stdin.buffer.read({num_bytes}))"
)

Transport = Callable[[str, Iterable[bytes]], Generator[str, None, None]]
"""Runs one command of the device's shell with this stdin, and yields the lines of its stdout;
raises LineDropped and CommandFailed. `nas.measure.ssh.ssh` is one, once its destination is set."""
Answer = dict[str, Any]
"""Or a request: what one line of JSON holds."""
Result = TypeVar("Result")


class LineDropped(Exception):
    """The line to the device doesn't open or has dropped; says why."""


class CommandFailed(Exception):
    """The device can't run the command; says why."""


class DeviceLine:
    """Asks the device, again and again where the line drops.

    Args:
        transport: runs a command there.
        name: of the device, for messages.
        python: the device's Python, as its shell takes it.
        patience_s: how long the line may be down.
        sleep: waits for so many seconds before it tries again.
        clock: seconds since some moment.
    """

    def __init__(
        self,
        transport: Transport,
        name: str,
        *,
        python: str = "python3",
        patience_s: float = PATIENCE_S,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._transport = transport
        self._python = python
        self._patience_s = patience_s
        self._sleep = sleep
        self._clock = clock
        self._heard_at: float | None = None

    def answers(self, request: Answer, payload: Iterable[bytes] = ()) -> Iterator[Answer]:
        """Send one request; yield what the device answers, as it comes.

        Raises NasError where the device refuses or can't run the program, LineDropped.
        """
        program = PROGRAM.read_bytes()
        code = BOOTSTRAP.format(num_bytes=len(program))
        stdin = chain([program, json.dumps(request).encode() + b"\n"], payload)
        num_answers = 0
        try:
            command = f"{self._python} -c {shlex.quote(code)}"
            with closing(self._transport(command, stdin)) as lines:
                for line in lines:
                    if line.startswith(ANSWER) and line.endswith("\n"):
                        self._heard_at = self._clock()
                        num_answers += 1
                        yield self._accepted(json.loads(line.removeprefix(ANSWER)))
        except CommandFailed as error:
            raise NasError(
                f"{self.name} must have Python 3.11 or later as {self._python}, but: {error}; "
                "install it there, or say with --ssh-python where it is"
            ) from error
        if not num_answers:
            raise LineDropped("the device didn't answer")

    def _accepted(self, answer: Answer) -> Answer:
        if "refused" in answer:
            raise NasError(f"{self.name} must {answer['refused']}")
        return answer

    def insist(self, step: Callable[[], Result]) -> Result:
        """The result of `step`, which is repeated, after growing pauses, when the line drops.

        Raises NasError if the line has never opened, or is down for longer than `patience_s`.
        """
        while True:
            try:
                return step()
            except LineDropped as error:
                if self._heard_at is None:
                    raise NasError(
                        f"the line to {self.name} must open without a question, but: {error}; "
                        f"try by hand: ssh {self.name} {self._python} --version"
                    ) from error
                down_s = self._clock() - self._heard_at
                if down_s > self._patience_s:
                    raise NasError(
                        f"the line to {self.name} must come back within "
                        f"{self._patience_s / 60:.0f} minutes, but: {error}; what has begun there "
                        "goes on by itself: repeat this command to go on"
                    ) from error
                pause_s = min(LONGEST_PAUSE_S, max(1.0, down_s))
                note = f"the line has dropped ({error}); again in {pause_s:.0f} s"
                tqdm.write(note, file=sys.stderr)
                self._sleep(pause_s)
