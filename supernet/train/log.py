"""What a training says: a bar on a terminal, lines elsewhere, and RUN/supernet/train.log always."""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from supernet.bar import LINE_EVERY_S
from supernet.errors import CheckpointError

SHOW_EVERY_S = 1.0
FIRST_LINE_AFTER_S = 10.0


class Log:
    """Progress of one training, whose `path` gets a line a minute and one for each evaluation.

    On a terminal there is a bar instead of the lines a minute. A `path` of None is silent: one
    process of several speaks. Nothing here fails because a reader went away: see
    `surviving_streams`.
    """

    def __init__(self, path: Path | None, *, num_steps: int, start: int, batch_size: int) -> None:
        self.path, self.num_steps, self.batch_size = path, num_steps, batch_size
        self.start, self.step = start, start
        self.began_at = self.shown_at = time.monotonic()
        self.line_at = self.began_at + FIRST_LINE_AFTER_S
        self.bar: Any = tqdm(
            total=num_steps,
            initial=start,
            desc="train",
            unit="step",
            mininterval=SHOW_EVERY_S,
            dynamic_ncols=True,
            disable=path is None or not sys.stderr.isatty(),
        )

    def advance(self, values: Mapping[str, str]) -> None:
        """One step more; `values` are shown now and then."""
        self.step += 1
        self.bar.update()
        now = time.monotonic()
        if not self.bar.disable and now - self.shown_at >= SHOW_EVERY_S:
            self.shown_at = now
            self.bar.disable = not sys.stderr.isatty()  # a terminal may close
            self.bar.set_postfix_str(f"{_joined(values)}, {self._rate()}", refresh=False)
        if now >= self.line_at:
            self.line_at = now + LINE_EVERY_S
            where = f"step {self.step} of {self.num_steps}"
            text = f"{where}: {_joined(values)}, {self._rate()}, {self._left()} left"
            self.line(text, on_the_bar=True)

    def line(self, line: str, *, on_the_bar: bool = False) -> None:
        """Write a line; one that a bar shows goes to the file only."""
        if self.path is None:
            return
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")
        except OSError as error:
            raise CheckpointError(f"{self.path} must be writable, but got: {error}") from error
        if self.bar.disable:
            print(line, file=sys.stderr, flush=True)
        elif not on_the_bar:
            self.bar.write(line, file=sys.stderr)

    def close(self) -> None:
        """Leave the bar as it is, on a line of its own."""
        self.bar.close()

    def _rate(self) -> str:
        rate = (self.step - self.start) / max(time.monotonic() - self.began_at, 1e-9)
        return f"{rate * self.batch_size:.0f} images/s"

    def _left(self) -> str:
        passed = time.monotonic() - self.began_at
        left = passed / (self.step - self.start) * (self.num_steps - self.step)
        return str(tqdm.format_interval(left))


def _joined(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


class _Surviving:
    """A stream whose reader may go away: what it no longer takes goes to a file instead."""

    def __init__(self, stream: Any, path: Path) -> None:
        self.stream, self.path = stream, path

    def write(self, text: str) -> int:
        return self._try(self.stream.write, text) or len(text)

    def flush(self) -> None:
        self._try(self.stream.flush)

    def _try(self, method: Any, *arguments: str) -> Any:
        try:
            return method(*arguments)
        except OSError:
            self._redirect()
            return method(*arguments)

    def _redirect(self) -> None:
        """Let the stream's descriptor be the file; without a folder, nothing."""
        path = self.path if self.path.parent.is_dir() else Path(os.devnull)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.dup2(handle, self.stream.fileno())
        os.close(handle)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def surviving_streams(path: Path) -> Iterator[None]:
    """Within `with`, stdout and stderr go on in the file `path` once nobody reads them any more.

    So `| head` or a closed connection ends no training. A stream that was closed before the program
    began (`>&-`), which Python replaces by None, says nothing.
    """
    streams = sys.stdout, sys.stderr
    with open(os.devnull, "w", encoding="utf-8") as nobody:
        sys.stdout, sys.stderr = (_Surviving(each or nobody, path) for each in streams)
        try:
            yield
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            sys.stdout, sys.stderr = streams
