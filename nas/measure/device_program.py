"""What `nas.measure --ssh` runs on the device: it takes a kit, measures it, hands the result back.

Nothing of it is installed there. Each connection sends this file to the device's Python on stdin,
then a request (one line of JSON), then the part of the kit that is missing. Each answer is a line
of stdout that begins with ANSWER; what else is there comes from the device's login scripts.
Standard library only.

    ~/.cache/mutualnas/kits/        (XDG_CACHE_HOME is honoured)
      lock                          held by the measure.py that runs; says what it measures
      <digest>.part                 what has arrived of a kit
      <digest>/                     a kit
        measure-<options>/          one way to measure it: log, measurements.json or fetched.json
"""

import hashlib
import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import zipfile
from pathlib import Path
from typing import IO, Any

ANSWER = "mutualnas-answer "
KITS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mutualnas" / "kits"
DONE, FETCHED = "measurements.json", "fetched.json"
LOG = "log"
PACKAGES = ("numpy", "onnxruntime")
HEARTBEAT_S = 30.0
"""So often a watcher writes something, which ends it if nobody is there any more."""
LOCK_S = 2.0
"""Another connection may hold the lock for a moment, to look at it."""


class Refusal(Exception):
    """What the device must do, but doesn't: the end of a sentence that begins with its name."""


def say(**answer: Any) -> None:
    """Send one answer."""
    print(ANSWER + json.dumps(answer), flush=True)


def look(request: dict[str, Any]) -> None:
    """Say whether the kit is there and how much of it has arrived; refuse where it can't run."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise Refusal(f"have {' and '.join(missing)}, but has not; run there: {_pip(missing)}")
    KITS.mkdir(parents=True, exist_ok=True)
    part = _part(request)
    num_bytes = part.stat().st_size if part.exists() else 0
    is_ready = _kit(request).is_dir()
    needed = request["num_bytes"] + request["num_unpacked_bytes"] - num_bytes
    free = shutil.disk_usage(KITS).free
    if not is_ready and free < needed:
        part.unlink(missing_ok=True)
        raise Refusal(
            f"have {needed / 1e6:.1f} MB free for the kit, but has {free / 1e6:.1f}; make room "
            f"there, such as by deleting older kits in {KITS}"
        )
    say(num_bytes=num_bytes, is_ready=is_ready)


def _pip(missing: list[str]) -> str:
    """The command that installs packages for this Python."""
    managed = Path(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED").exists()
    if managed and sys.prefix == sys.base_prefix:  # pip refuses outside of an environment
        return (
            f"{sys.executable} -m venv ~/mutualnas && ~/mutualnas/bin/pip install "
            f"{' '.join(missing)} (and pass --ssh-python '~/mutualnas/bin/python' here)"
        )
    return f"{sys.executable} -m pip install {' '.join(missing)}"


def put(request: dict[str, Any]) -> None:
    """Take the kit from `offset` on, say how much of it is there, and unpack it once it is whole.

    If the line drops, what has arrived stays; if the disk is full, nothing does. A connection that
    the device takes for alive may still write: the same bytes to the same place.
    """
    part = _part(request)
    try:
        with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            file.seek(request["offset"])
            said = time.monotonic()
            while chunk := sys.stdin.buffer.read(1 << 16):
                file.write(chunk)
                if time.monotonic() - said > 0.5:
                    file.flush()
                    said = time.monotonic()
                    say(num_bytes=file.tell(), is_ready=False)
            file.flush()
            if file.tell() < request["num_bytes"]:
                return  # the line has dropped
            _lock(file, wait=True)
            _unpack(request, file)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        part.unlink(missing_ok=True)
        raise Refusal(
            f"have room for the kit in {KITS}, but: {error.strerror}; make room there, such as by "
            "deleting older kits, and repeat the command"
        ) from error
    part.unlink(missing_ok=True)
    say(num_bytes=request["num_bytes"], is_ready=True)


def _unpack(request: dict[str, Any], file: io.BufferedRandom) -> None:
    kit = _kit(request)
    if kit.is_dir():  # by another connection
        return
    file.seek(0)
    if hashlib.file_digest(file, "sha256").hexdigest() != request["sha256"]:
        _part(request).unlink(missing_ok=True)
        raise Refusal("receive the kit undamaged, but its digest differs; repeat the command")
    for left in KITS.glob(f"{kit.name}.unpacking-*"):  # by a connection that was killed
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{kit.name}.unpacking-", dir=KITS))
    try:
        with zipfile.ZipFile(file) as packed:
            packed.extractall(folder)
        folder.rename(kit)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(request: dict[str, Any]) -> None:
    """Start the measuring, unless it runs or is done; tell of it until it ends."""
    job = _job(request)
    if not _kit(request).is_dir():
        raise Refusal(f"have the kit, but {_kit(request)} is gone; repeat the command")
    if request["start"] and not (job / DONE).exists():
        _start(job, request["options"])
    told, told_at = None, 0.0
    while True:
        is_running = _is_running(job)  # before the result, which is there before it ends
        for name in (DONE, FETCHED):
            if (job / name).exists():
                return say(state="done", measurements=(job / name).read_text())
        shown, now = _end_of_log(job), time.monotonic()
        if not is_running:
            return say(state="ended", log=shown, path=str(job / LOG))
        if shown != told or now - told_at > HEARTBEAT_S:
            say(state="running", log=shown)
            told, told_at = shown, now
        time.sleep(request["poll_s"])


def _start(job: Path, options: list[str]) -> None:
    """Start measure.py apart from this connection. It inherits the lock, which no crash leaves
    behind; refuse if another measuring holds it."""
    end = time.monotonic() + LOCK_S
    with (KITS / "lock").open("a+") as lock:
        while not _lock(lock):
            holder = _holder(lock)
            if holder.get("job") == str(job):
                return
            if time.monotonic() > end:
                raise Refusal(_is_busy(holder))
            time.sleep(LOCK_S / 20)
        lock.truncate(0)
        job.mkdir(exist_ok=True)
        for name in (DONE, FETCHED):
            (job / name).unlink(missing_ok=True)
        script, out = str(job.parent / "measure.py"), str(job / DONE)
        with (job / LOG).open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, script, *options, "--out", out],
                cwd=job,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=[lock.fileno()],
            )
        json.dump({"job": str(job), "pid": process.pid, "since_s": time.time()}, lock)


def _is_busy(holder: dict[str, Any]) -> str:
    if not holder:
        return "measure one thing at a time, but measures another; repeat the command later"
    since = time.strftime("%H:%M UTC", time.gmtime(holder["since_s"]))
    return (
        "measure one thing at a time, but has measured another kit, or the same with other "
        f"options, since {since}; wait for it, or end it there with: kill {holder['pid']}"
    )


def _is_running(job: Path) -> bool:
    with (KITS / "lock").open("a+") as lock:
        return not _lock(lock) and _holder(lock).get("job") in (None, str(job))


def _lock(file: IO[Any], *, wait: bool = False) -> bool:
    """Lock a file until all who inherit it have closed it; whether that is possible (or wait)."""
    import fcntl  # here, so that any system can import this file

    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _holder(lock: IO[str]) -> dict[str, Any]:
    """What the lock says; empty for the moment in which it is being written."""
    lock.seek(0)
    try:
        return dict(json.loads(lock.read()))
    except ValueError:
        return {}


def _end_of_log(job: Path) -> str:
    """The last line of the log that isn't empty, as a terminal would show it."""
    try:
        with (job / LOG).open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 4096))
            lines = log.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def forget(request: dict[str, Any]) -> None:
    """Put the result aside: the next request measures anew."""
    job = _job(request)
    if (job / DONE).exists():
        (job / DONE).replace(job / FETCHED)
    say(state="forgotten")


def _kit(request: dict[str, Any]) -> Path:
    return KITS / str(request["sha256"])[:16]


def _part(request: dict[str, Any]) -> Path:
    return _kit(request).with_suffix(".part")


def _job(request: dict[str, Any]) -> Path:
    digest = hashlib.sha256(json.dumps(request["options"]).encode()).hexdigest()
    return _kit(request) / f"measure-{digest[:8]}"


def main() -> None:
    """Serve one request."""
    request = json.loads(sys.stdin.buffer.readline())
    try:
        {"look": look, "put": put, "run": run, "forget": forget}[request["action"]](request)
    except Refusal as error:
        say(refused=str(error))
    except BrokenPipeError:
        os._exit(1)  # the line has dropped; flushing stdout would fail again
    except OSError as error:
        say(refused=f"have a folder {KITS} that can be written to, but: {error}")


if __name__ == "__main__":
    main()
