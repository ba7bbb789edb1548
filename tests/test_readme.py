"""Every command in the README is run, as it stands there."""

import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.models import mobilenet_v2

ROOT = Path(__file__).parents[1]
BY_CI = ("make check", "make test", "make slow")
SERVER = "make app"
TIMEOUT_S = 900


def commands(name: str) -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)
    joined = "\n".join(blocks).replace("\\\n", " ")
    return [line.partition("  #")[0].strip() for line in joined.splitlines() if line.strip()]


def test_what_ci_runs_is_what_the_documents_tell_to_run() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert ".ci/without_programs make test\n" in script
    assert "\nmake check slow\n" in script
    assert set(commands("CONTRIBUTING.md")) == set(BY_CI)


def test_the_readme_names_its_commands() -> None:
    assert "make search" in commands("README.md")
    assert "make test" in commands("README.md")
    assert SERVER in commands("README.md")


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in commands("README.md") if c not in (*BY_CI, SERVER)])
def test_a_command_of_the_readme_works(command: str) -> None:
    """They run in the order of the README, in this checkout, as its reader would run them."""
    done = subprocess.run(
        command, shell=True, cwd=ROOT, timeout=TIMEOUT_S, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
def test_make_app_serves_the_explorer() -> None:
    address = "http://localhost:8501/_stcore/health"
    with subprocess.Popen(
        "exec make app", shell=True, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                try:
                    with urllib.request.urlopen(address, timeout=5) as answer:
                        assert answer.read() == b"ok"
                        return
                except OSError:
                    assert server.poll() is None, "make app ended"
                    time.sleep(0.5)
            pytest.fail("the explorer did not answer within 60 s")
        finally:
            subprocess.run(["pkill", "-P", str(server.pid)], check=False)
            server.terminate()


SHORTER = {"supernet.train": "--epochs 1", "nas.search": "--trials 2 --allow-noisy"}
"""What makes the commands for photographs a matter of a minute."""


@pytest.mark.slow
def test_the_commands_for_photographs_work_on_a_folder_of_them(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Your photographs")[2]
    lines = text.partition("```\n")[2].partition("```")[0].splitlines()
    assert [line.split()[2] for line in lines] == ["supernet.data", *SHORTER]
    rng = np.random.default_rng(0)
    for number in range(90):
        path = tmp_path / "photos" / "train" / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (96, 128, 3), dtype=np.uint8)).save(path)
    torch.manual_seed(0)
    torch.save(mobilenet_v2().state_dict(), tmp_path / "mobilenet_v2-b0353104.pth")
    for line in lines:
        command = line.partition("  #")[0].replace("python", sys.executable, 1)
        command += " " + SHORTER.get(line.split()[2], "")
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, timeout=TIMEOUT_S, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "runs" / "photos" / "search" / "lookup_table.json").exists()
