"""The wheel, built from this checkout and installed in fresh environments.

What is installed runs in a folder in which a user has packages that are called as ours.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from planner import Limits, read_tables, select

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "app" / "example" / "book.json"
PACKAGES = ("app", "mutualnas", "nas", "planner", "supernet")
UV = Path(sys.executable).with_name("uv")
START_S = 60.0

Run = Callable[..., "subprocess.CompletedProcess[str]"]

# The page as Streamlit runs it, with the current folder first on the path.
PAGE = """
import sys
from streamlit.testing.v1 import AppTest
page = AppTest.from_file(sys.argv.pop(), default_timeout=60).run()
assert not page.exception, page.exception
print(page.title[0].value)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("source")  # a build writes beside its sources
    for name in (*PACKAGES, "tests", "benchmarks"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run([UV, "build", "--quiet", "--wheel", "--out-dir", out, source], check=True)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def users_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another project's, with a package of each of our names."""
    folder = tmp_path_factory.mktemp("project")
    for name in PACKAGES:
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("raise SystemExit('the wrong package')\n")
    return folder


def installed(requirement: str, folder: Path, users_folder: Path) -> Run:
    """Install in a fresh environment in `folder`; the answer runs its commands as a user would."""
    subprocess.run([UV, "venv", "--quiet", folder / "venv"], check=True)
    bin_folder = folder / "venv" / "bin"
    python = str(bin_folder / "python")
    subprocess.run([UV, "pip", "install", "--quiet", "--python", python, requirement], check=True)

    def run(name: str, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [bin_folder / name, *words],
            cwd=users_folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


@pytest.mark.slow
def test_it_holds_every_file_of_the_packages_and_no_other(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    expected = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == expected
    assert names >= {
        "app/.streamlit/config.toml",
        "app/example/book.json",
        "app/icon.png",
        "app/views/budget_line.js",
        "planner/lookup_table.schema.json",
        "supernet/data/embedded/fashion_mnist_mini.npz",
        *(f"{package}/py.typed" for package in PACKAGES),
    }


@pytest.mark.slow
def test_the_planner_installs_alone_and_decides(
    wheel: Path, users_folder: Path, tmp_path: Path
) -> None:
    run = installed(str(wheel), tmp_path, users_folder)

    listed = subprocess.run(
        [UV, "pip", "list", "--format", "json", "--python", tmp_path / "venv" / "bin" / "python"],
        check=True,
        capture_output=True,
    ).stdout
    names = {row["name"].lower() for row in json.loads(listed)}
    assert {"mutualnas", "jsonschema"} <= names
    assert not names & {"torch", "numpy", "pandas", "streamlit", "onnxruntime"}

    table = next(table for table in read_tables(BOOK) if table.target.runtime == "onnxruntime")
    fastest = min(entry.latency.p50_ms for entry in table)
    words = (str(BOOK), "--device", "onnxruntime", "--max-latency-ms", str(2 * fastest))
    chosen = run("mutualnas", "planner", "select", *words)
    assert chosen.returncode == 0, chosen.stderr
    expected = select(table, Limits(max_latency_ms=2 * fastest))
    assert json.loads(chosen.stdout)["config_id"] == expected.config_id
    assert run("planner", "select", *words).stdout == chosen.stdout
    assert run("planner", "--version").stdout == f"planner {version('mutualnas')}\n"
    assert "valid" in run("mutualnas", "planner", "validate", str(BOOK)).stdout
    assert "curve" in run("mutualnas", "planner", "plan", str(BOOK), "--num-entries", "3").stdout

    for command, extra in {"train": "train", "search": "search", "explorer": "app"}.items():
        done = run("mutualnas", command)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert done.stderr.endswith(f"is not installed: pip install 'mutualnas[{extra}]'\n")


# What a user of the planner writes; mypy has to know every type in it.
USERS_SCRIPT = """
from pathlib import Path

import numpy as np

from planner import AdaptiveSession, Diff, Entry, Limits, LookupTable, NoEntryFits, select

old, new = LookupTable.read("old.json"), LookupTable.read(Path("new.json"))
for regression in Diff(old, new, session_spread=0.01).regressions:
    print(regression.kind.upper(), regression.text)
try:
    entry: Entry = select(new, Limits(max_latency_ms=5.0, percentile="p99"))
    print(entry.config_id.upper(), entry.accuracy.top1 * 100)
except NoEntryFits as error:
    print(error)


def switched(before: Entry, after: Entry) -> None:
    print(before.config_id, after.latency.p50_ms)


with AdaptiveSession(
    new, "artifacts", target_ms=5.0, service_level=0.99, on_switch=switched
) as session:
    logits = session.run(lambda side: np.zeros((1, side, side, 3), np.uint8))
    print(logits.argmax(axis=1), session.stats().late_share + 1)
"""
WRONG = {
    "print(session.stats().num_batch)": "attr-defined",
    "number: int = select(new, Limits())": "assignment",
    'AdaptiveSession(new, "artifacts", target_ms="5")': "arg-type",
}


@pytest.mark.slow
def test_a_users_script_is_checked_against_the_installed_planner(
    wheel: Path, users_folder: Path, tmp_path: Path
) -> None:
    installed(f"{wheel}[runtime]", tmp_path, users_folder)

    def check(script: str) -> "subprocess.CompletedProcess[str]":
        (tmp_path / "script.py").write_text(script)
        return subprocess.run(
            [
                *(sys.executable, "-m", "mypy", "--strict", "--cache-dir", "cache"),
                *("--python-executable", tmp_path / "venv" / "bin" / "python", "script.py"),
            ],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )

    done = check(USERS_SCRIPT)
    assert done.returncode == 0, done.stdout
    for line, code in WRONG.items():
        assert f"[{code}]" in check(USERS_SCRIPT + line + "\n").stdout


@pytest.mark.slow
def test_the_explorer_starts_beside_a_users_own_app(
    wheel: Path, users_folder: Path, tmp_path: Path
) -> None:
    run = installed(f"{wheel}[app]", tmp_path, users_folder)
    (page,) = tmp_path.glob("venv/lib/python*/site-packages/app/explorer.py")
    drawn = run("python", "-c", PAGE, str(page))
    assert drawn.stdout == "Accuracy against cost\n", drawn.stderr
    assert "torch" in run("python", "-c", "import torch").stderr

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--server.headless", "true", "--server.address", "127.0.0.1"]
    with subprocess.Popen(
        [tmp_path / "venv" / "bin" / "mutualnas", "explorer", "--server.port", str(port), *options],
        cwd=users_folder,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    ) as server:
        try:
            assert answer(f"http://127.0.0.1:{port}/_stcore/health", server) == b"ok"
        finally:
            server.terminate()


def answer(address: str, server: "subprocess.Popen[bytes]") -> bytes:
    end = time.monotonic() + START_S
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5) as response:
                content: bytes = response.read()
                return content
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the explorer did not answer within {START_S:.0f} s")
