"""A made-up ssh runs the commands here, in a home folder of the device's own; its line may drop."""

import json
import os
import shlex
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from nas.measure import over_ssh
from nas.measure.__main__ import main
from nas.measure.device_line import DeviceLine
from planner import LookupTable

# Runs the command that ssh is told to run, in the device's folder. The file `next` beside it says,
# a word for each call, what goes wrong: `refuse` the line doesn't open, `N<` it drops after N bytes
# of stdin have arrived, `N>` after N lines of stdout, `small` files have at most 3,000 bytes, `ok`
# nothing.
SSH = """#!{python} -IS
import os, resource, subprocess, sys
here = {home!r}
with open(here + "/calls", "a") as calls:
    print(*sys.argv[1:-1], file=calls)
try:
    first, *rest = open(here + "/next").read().split()
except (FileNotFoundError, ValueError):
    first, rest = "ok", []
open(here + "/next", "w").write(" ".join(rest))
def drop(reason):
    print("a banner", reason, sep="\\n", file=sys.stderr)
    sys.exit(255)
if first == "refuse":
    drop("connect to host pi: Connection refused")
print("Welcome to this device!", flush=True)  # as login scripts do
environment = {{"HOME": here, "PATH": os.environ["PATH"]}}
limit = lambda: first == "small" and resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
feed = subprocess.PIPE if first.endswith("<") else None
process = subprocess.Popen(["sh", "-c", sys.argv[-1]], stdin=feed, stdout=subprocess.PIPE,
    env=environment, cwd=here, preexec_fn=limit)
if feed:
    process.stdin.write(sys.stdin.buffer.read(int(first[:-1])))
    process.stdin.close()
    process.wait()
    drop("Connection reset by peer")
left = int(first[:-1]) if first.endswith(">") else -1
while left and (line := process.stdout.readline()):
    sys.stdout.buffer.write(line)
    sys.stdout.flush()
    left -= 1
if not left:
    drop("Broken pipe")
sys.exit(process.wait())
"""

# Measures until there is a file `go` in the home folder; what that says is the last line if it says
# anything.
MEASURE = """
import json, os, sys, time
from pathlib import Path
home = Path(os.environ["HOME"])
with open(home / "runs", "a") as runs:
    print(*sys.argv[1:], file=runs)
print("\\rtiming   7%", end="", file=sys.stderr, flush=True)
while not (home / "go").exists():
    time.sleep(0.01)
print(file=sys.stderr)
if said := (home / "go").read_text():
    print(said, file=sys.stderr)
    sys.exit(2)
text = Path(sys.argv[0]).with_name("answer.json").read_text()
out = Path(sys.argv[-1])
out.with_suffix(".new").write_text(text)
out.with_suffix(".new").rename(out)
"""


class Device:
    """The device's home folder, the kit, and the command that measures on it."""

    def __init__(self, folder: Path, table: LookupTable, answer: dict[str, Any]) -> None:
        self.home, self.out = folder / "home", folder / "pi.json"
        self.table, self.kit = folder / "table.json", folder / "kit.zip"
        self.home.mkdir()
        table.write(self.table)
        models = [{"config_id": entry.config_id} for entry in table]
        contents = {
            "weights_sha256": table.supernet["weights_sha256"],
            "dtype": "float32",
            "models": models,
        }
        with zipfile.ZipFile(self.kit, "w") as kit:
            kit.writestr("measure.py", MEASURE)
            kit.writestr("kit.json", json.dumps(contents))
            kit.writestr("answer.json", json.dumps(answer))
            kit.writestr("weights", os.urandom(200_000))
        self.words = [str(self.table), "--kit", str(self.kit), "--ssh", "pi@host"]
        self.words += ["--ssh-python", shlex.quote(sys.executable), "--out", str(self.out)]

    def measure(self, *options: str) -> int:
        return main([*self.words, *options])

    def plan(self, *calls: str) -> None:
        """What goes wrong in the next calls."""
        (self.home / "next").write_text(" ".join(calls))

    def go(self, said: str = "") -> None:
        """Let the measuring end, well or with an error."""
        (self.home / "new").write_text(said)
        (self.home / "new").rename(self.home / "go")

    @property
    def runs(self) -> list[list[str]]:
        """The arguments of each measuring so far."""
        path = self.home / "runs"
        return [each.split() for each in path.read_text().splitlines()] if path.exists() else []

    @property
    def num_calls(self) -> int:
        return len((self.home / "calls").read_text().splitlines())

    @property
    def kits(self) -> Path:
        return self.home / ".cache" / "mutualnas" / "kits"

    def wait_until_it_runs(self) -> None:
        while not self.runs:
            time.sleep(0.01)


@pytest.fixture
def device(
    table: LookupTable,
    measurements: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Device]:
    device = Device(tmp_path, table, measurements)
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(SSH.format(python=sys.executable, home=str(device.home)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(over_ssh, "POLL_S", 0.02)
    line = partial(DeviceLine, sleep=lambda _: None)
    monkeypatch.setattr("nas.measure.__main__.DeviceLine", line)
    yield device
    (device.home / "go").touch()  # whatever still runs there ends


def test_the_device_measures_and_its_table_is_written(
    device: Device, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supernet.bar.LINE_EVERY_S", 0.0)
    device.go()
    options = ["--num-threads", "4", "--max-s", "5", "--conditions", "steady", "--allow-noisy"]
    assert device.measure(*options) == 0
    found = LookupTable.read(device.out)
    assert found.target.device == "Cortex-A76"
    assert [entry.config_id for entry in found] == ["w1-r8", "w0.5-r8"]
    ((*given, out, path),) = device.runs
    assert given == [*("--num-threads", "4", "--max-s", "5.0", "--conditions", "steady"), given[-1]]
    assert given[-1] == "--allow-noisy"
    assert out == "--out"
    assert Path(path).is_relative_to(device.kits)
    first = (device.home / "calls").read_text().splitlines()[0]
    assert "BatchMode=yes" in first
    assert first.endswith("-- pi@host")
    assert "copy: 100%" in capsys.readouterr().err


def test_a_kit_that_is_there_is_not_copied_again_but_is_measured_anew(device: Device) -> None:
    device.go()
    assert device.measure() == 0
    num_calls = device.num_calls  # look, put, run, forget
    assert device.measure() == 0
    assert device.num_calls == 2 * num_calls - 1
    assert len(device.runs) == 2
    assert [path.name for path in device.kits.iterdir() if path.is_file()] == ["lock"]


def test_a_line_that_drops_everywhere_delays_the_table(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_once_it_is_watched(device, monkeypatch)
    calls = ["ok", "50000<", "refuse", "refuse", "ok", "ok"]  # look, put; look, look; look, put
    device.plan(*calls, "1>", "0>", "refuse", "ok")  # one answer, none, no line, the result
    assert device.measure() == 0
    assert LookupTable.read(device.out).target.device == "Cortex-A76"
    assert len(device.runs) == 1
    assert device.num_calls == len(calls) + 4 + 1


def test_a_copy_goes_on_where_it_was(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    device.go()
    device.plan("ok", "50000<", "ok", "ok")
    sent: list[int] = []
    bytes_from = over_ssh._bytes_from

    def noted(path: Path, offset: int) -> Iterator[bytes]:
        sent.append(offset)
        return bytes_from(path, offset)

    monkeypatch.setattr(over_ssh, "_bytes_from", noted)
    assert device.measure() == 0
    assert sent[0] == 0
    assert 30_000 < sent[1] < 50_000


def test_a_measuring_outlives_the_command_and_the_next_one_waits_for_it(
    device: Device, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("supernet.bar.LINE_EVERY_S", 0.0)
    device.plan("ok", "ok", "1>")  # one answer: it has begun
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nas.measure.__main__.DeviceLine", partial(DeviceLine, patience_s=-1.0))
        assert device.measure() == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "line to pi@host must come back within" in error
    assert error.endswith("goes on by itself: repeat this command to go on")
    go_once_it_is_watched(device, monkeypatch)
    assert device.measure() == 0
    assert len(device.runs) == 1
    assert "timing:   7%" in capsys.readouterr().err


def go_once_it_is_watched(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    show = over_ssh._StageBar.show

    def show_and_go(bar: Any, log: str) -> None:
        show(bar, log)
        if "%" in log:
            device.go()

    monkeypatch.setattr(over_ssh._StageBar, "show", show_and_go)


def test_a_result_that_was_not_written_is_taken_by_the_next_command(device: Device) -> None:
    device.go()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LookupTable, "write", raising(OSError("the disk is full")))
        assert device.measure() == 2
    assert device.measure() == 0
    assert len(device.runs) == 1


def raising(error: Exception) -> Any:
    def fail(*_: object) -> None:
        raise error

    return fail


def test_ctrl_c_leaves_the_device_measuring(
    device: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(over_ssh._StageBar, "show", raising(KeyboardInterrupt()))  # type: ignore[arg-type]
        assert device.measure() == 130
    assert capsys.readouterr().err.endswith(
        "pi@host goes on measuring: repeat this command to go on\n"
    )


def test_another_measuring_is_refused_while_one_runs(
    device: Device, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = threading.Thread(target=device.measure)
    first.start()
    device.wait_until_it_runs()
    assert device.measure("--num-threads", "1") == 2
    device.go()
    first.join()
    errors = capsys.readouterr().err
    assert "error: pi@host must measure one thing at a time, but has measured another kit" in errors
    assert "end it there with: kill " in errors
    assert device.out.exists()
    assert len(device.runs) == 1


def test_two_commands_for_the_same_share_one_measuring(device: Device) -> None:
    codes: list[int] = []
    commands = [threading.Thread(target=lambda: codes.append(device.measure())) for _ in range(2)]
    commands[0].start()
    device.wait_until_it_runs()
    commands[1].start()
    time.sleep(0.5)
    device.go()
    for each in commands:
        each.join()
    assert codes == [0, 0]
    assert len(device.runs) == 1


def test_what_fails_on_the_device_is_told_and_the_next_command_measures_again(
    device: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    device.go("Traceback\nerror: the machine must be idle, but is not")
    assert device.measure() == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "pi@host must measure the kit, but: the machine must be idle, but is not (its" in error
    device.go()
    assert device.measure() == 0
    assert len(device.runs) == 2


def test_a_measuring_that_is_killed_is_told(
    device: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    def kill() -> None:
        device.wait_until_it_runs()
        time.sleep(0.2)
        holder = json.loads((device.kits / "lock").read_text())
        os.kill(holder["pid"], 9)

    killer = threading.Thread(target=kill)
    killer.start()
    assert device.measure() == 2
    killer.join()
    assert "it was stopped; repeat the command to measure again" in capsys.readouterr().err


def test_a_full_disk_leaves_nothing_behind(
    device: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    device.plan("ok", "small")
    assert device.measure() == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "error: pi@host must have room for the kit in " in error
    assert list(device.kits.iterdir()) == []
    device.go()
    assert device.measure() == 0


@pytest.mark.parametrize(
    ("python", "message"),
    [
        ("no-such-python", "later as no-such-python, but: sh: 1: no-such-python: not found; inst"),
        (f"{sys.executable} -IS", "have numpy and onnxruntime, but has not; run there: "),
        ("printf 'this is Python 3.9.2' >&2; false", "but: this is Python 3.9.2; install it"),
    ],
)
def test_a_device_that_lacks_what_the_kit_needs_is_one_clear_line(
    python: str, message: str, device: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    assert device.measure("--ssh-python", python) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: pi@host must have ")
    assert message in line


def test_a_line_that_never_opens_is_one_clear_line(
    device: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    device.plan("refuse")
    assert device.measure() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "but: connect to host pi: Connection refused; try by hand: ssh pi@host " in line
    assert device.num_calls == 1


def test_a_machine_without_ssh_is_one_clear_line(
    device: Device, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(device.home))
    assert device.measure() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: the command ssh must be installed for --ssh (openssh-client)")


def test_a_wrong_kit_is_refused_before_anything_is_copied(
    device: Device, table: LookupTable, capsys: pytest.CaptureFixture[str]
) -> None:
    content = device.kit.read_bytes()
    other = replace(table, supernet={**table.supernet, "weights_sha256": "1" * 64})
    other.write(device.table)
    assert device.measure() == 2
    table.write(device.table)
    device.kit.write_bytes(content[:-1000])
    assert device.measure() == 2
    device.kit.write_bytes(content[:100_000] + b"damage" + content[100_006:])
    assert device.measure() == 2
    device.kit.unlink()
    assert device.measure() == 2
    another, short, damaged, none = capsys.readouterr().err.splitlines()
    assert "kit.zip must hold the entries of the table in its dtype (float32), but is" in another
    assert "kit.zip must be a kit of nas.kit, but: File is not a zip file; pack it a" in short
    assert "weights is damaged; pack it again" in damaged
    assert "kit.zip" in none
    assert not (device.home / "calls").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--dtype", "int8"], "the kit must say what is measured, but got --dtype; leave it out"),
        (["--data-root", "x"], "but got --data-root"),
    ],
)
def test_options_that_a_kit_does_not_take_are_refused(
    options: list[str], message: str, device: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    assert device.measure(*options) == 2
    assert message in capsys.readouterr().err


def test_a_device_needs_a_kit(device: Device, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(device.table), "--ssh", "pi", "--out", str(device.out)]) == 2
    assert main([str(device.table), "--kit", "kit.zip", "--out", str(device.out)]) == 2
    assert capsys.readouterr().err.count("and --kit the kit that goes there; pass both") == 2
