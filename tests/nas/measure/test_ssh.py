"""The system's ssh and a real sshd on this machine, behind a line that drops and dawdles."""

import contextlib
import os
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nas.kit.__main__ import main as make_kit
from nas.measure import over_ssh
from nas.measure.__main__ import main
from nas.measure.device_line import CommandFailed, LineDropped
from nas.measure.ssh import ssh
from planner import LookupTable

SSHD = Path("/usr/sbin/sshd")
SERVER = """
ListenAddress 127.0.0.1:{port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile none
StrictModes no
UsePAM no
SetEnv XDG_CACHE_HOME={folder}/cache
"""
CLIENT = """
Host pi
  HostName 127.0.0.1
  Port {port}
  IdentityFile {folder}/user
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known_hosts
  StrictHostKeyChecking accept-new
"""


class Line:
    """Carries connections to a port, each for at most so many bytes."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.limits: list[int] = []
        """Of the next connections."""
        self.pause_s = 0.0
        """After each chunk."""
        self.near: socket.socket | None = None
        """The end of the last connection."""
        self.server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # it is closed
            while True:
                self.near, _ = self.server.accept()
                threading.Thread(target=self._connect, args=(self.near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        limit = self.limits.pop(0) if self.limits else sys.maxsize
        with near, socket.create_connection(("127.0.0.1", self.port)) as far:
            back = threading.Thread(target=self._carry, args=(far, near, limit))
            back.start()
            self._carry(near, far, limit)
            back.join()

    def drop(self) -> None:
        """End the last connection."""
        assert self.near is not None
        self.near.shutdown(socket.SHUT_RDWR)

    def _carry(self, source: socket.socket, to: socket.socket, limit: int) -> None:
        with contextlib.suppress(OSError):
            while limit > 0 and (chunk := source.recv(min(limit, 1 << 15))):
                to.sendall(chunk)
                limit -= len(chunk)
                time.sleep(self.pause_s)
        for end in (source, to):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    """The line to a server of the test's own, which ssh knows as `pi`."""
    client = shutil.which("ssh")
    if client is None or not os.access(SSHD, os.X_OK):
        pytest.skip(f"no ssh or no {SSHD}: apt-get install openssh-client openssh-server")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd of root wants it
    for name in ("host", "user"):
        key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)]
        subprocess.run(key, check=True)
    port = free_port()
    (tmp_path / "sshd_config").write_text(SERVER.format(port=port, folder=tmp_path))
    line = Line(port)
    near = line.server.getsockname()[1]
    (tmp_path / "config").write_text(CLIENT.format(port=near, folder=tmp_path))
    wrapper = tmp_path / "bin" / "ssh"  # ssh finds ~/.ssh/config by the user, not by HOME
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nexec {client} -F {tmp_path}/config "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
    words = [str(SSHD), "-D", "-e", "-f", str(tmp_path / "sshd_config")]
    with (tmp_path / "sshd.log").open("wb") as log:
        server = subprocess.Popen(words, stderr=log)
    try:
        wait_for(port, server)
        yield line
    finally:
        server.terminate()
        server.wait()
        line.server.close()


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 20
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        assert server.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.slow
def test_a_command_gets_its_stdin_and_says_how_it_ended(line: Line) -> None:
    content = [b"x" * 100_000] * 10
    assert list(ssh("pi", "wc -c", content)) == ["1000000\n"]
    with pytest.raises(CommandFailed, match=r"^no$"):
        list(ssh("pi", "echo no >&2; false", ()))
    line.limits = [20_000]
    with pytest.raises(LineDropped, match=r"closed|reset|Broken"):
        list(ssh("pi", "wc -c", content))
    with pytest.raises(LineDropped, match="Could not resolve hostname"):
        list(ssh("no-such-host.invalid", "true", ()))


@pytest.mark.slow
def test_a_kit_is_measured_over_a_line_that_drops_and_dawdles(
    line: Line,
    run_with_table: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = run_with_table / "search" / "lookup_table.json"
    kit, out = tmp_path / "kit.zip", tmp_path / "pi.json"
    assert make_kit([str(run_with_table), "--out", str(kit)]) == 0
    words = [str(table), "--kit", str(kit), "--ssh", "pi", "--out", str(out)]
    words += ["--ssh-python", shlex.quote(sys.executable)]
    options = ["--num-threads", "1", "--max-s", "1", "--allow-noisy", "--conditions", "first_call"]
    line.limits = [sys.maxsize, kit.stat().st_size // 2]  # it looks, it copies
    show, shown = over_ssh._StageBar.show, list[str]()

    def show_and_drop(bar: Any, log: str) -> None:
        show(bar, log)
        shown.append(log)
        if len(shown) <= 2:
            line.drop()

    monkeypatch.setattr(over_ssh._StageBar, "show", show_and_drop)
    line.pause_s = 0.01
    assert main([*words, *options]) == 0
    found = LookupTable.read(out)
    assert {"steady", "first_call"} <= set(found.conditions)
    assert len(found) == 2
    assert capsys.readouterr().err.count("the line has dropped") == 3
    assert len(list((tmp_path / "cache" / "mutualnas" / "kits").glob("*/measure-*"))) == 1


@pytest.mark.slow
def test_a_full_disk_is_one_clear_line_and_nothing_stays(
    line: Line,
    run_with_table: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cache, kit = tmp_path / "cache", tmp_path / "kit.zip"
    cache.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(cache)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk takes the right to mount one")
    try:
        table = run_with_table / "search" / "lookup_table.json"
        assert make_kit([str(run_with_table), "--out", str(kit)]) == 0
        words = [str(table), "--kit", str(kit), "--ssh", "pi", "--out", str(tmp_path / "pi.json")]
        assert main([*words, "--ssh-python", shlex.quote(sys.executable)]) == 2
        assert "error: pi must have " in capsys.readouterr().err
        assert list((cache / "mutualnas" / "kits").iterdir()) == []
    finally:
        subprocess.run(["umount", str(cache)], check=True)
