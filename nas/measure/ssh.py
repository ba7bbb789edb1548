"""Runs one command on another machine with the system's OpenSSH client."""

import subprocess
import tempfile
from collections.abc import Generator, Iterable
from contextlib import suppress
from threading import Thread
from typing import IO

from nas.errors import NasError
from nas.measure.device_line import CommandFailed, LineDropped

OPTIONS = (
    *("-T", "-o", "BatchMode=yes"),  # a question for a password would wait for ever
    *("-o", "RemoteCommand=none", "-o", "ConnectTimeout=20"),
    # A line that is dead without saying so is noticed after a minute.
    *("-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4"),
)
LINE_FAILED = 255


def ssh(destination: str, command: str, stdin: Iterable[bytes]) -> Generator[str, None, None]:
    """Run `command` on `destination` (what ssh takes as one), and yield the lines of its stdout.

    `stdin` is read in a thread of its own. What ~/.ssh/config says of the destination holds, except
    for OPTIONS. Closing the iterator ends the command.

    Raises:
        NasError: there is no ssh on this machine.
        LineDropped: the line doesn't open or has dropped.
        CommandFailed: the command's exit code isn't 0.
    """
    words = ["ssh", *OPTIONS, "--", destination, command]
    with tempfile.TemporaryFile() as said:  # ssh in the background may keep a pipe open for ever
        try:
            process = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said
            )
        except OSError as error:
            raise NasError(
                "the command ssh must be installed for --ssh (openssh-client), "
                f"but it doesn't start: {error.strerror}"
            ) from error
        assert process.stdin is not None
        assert process.stdout is not None
        writer = Thread(target=_write, args=(process.stdin, stdin), daemon=True)
        writer.start()
        try:
            for line in process.stdout:
                yield line.decode(errors="replace")
            process.wait()
        finally:
            process.kill()
            process.wait()
            writer.join()
            process.stdout.close()
        said.seek(0)
        lines = said.read().decode(errors="replace").splitlines()
    if process.returncode == LINE_FAILED or process.returncode < 0:
        raise LineDropped(_last(lines) or "the line was closed")
    if process.returncode:
        raise CommandFailed(_last(lines) or f"exit code {process.returncode}")


def _write(pipe: IO[bytes], chunks: Iterable[bytes]) -> None:
    with suppress(BrokenPipeError):  # whoever reads stdout learns why
        for chunk in chunks:
            pipe.write(chunk)
    with suppress(BrokenPipeError):
        pipe.close()


def _last(lines: list[str]) -> str:
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
