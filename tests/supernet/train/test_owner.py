import subprocess
import sys
from pathlib import Path

import pytest

from supernet.errors import CheckpointError
from supernet.train.owner import owner, wait_until_free

HOLD = """
import sys
from pathlib import Path
from supernet.train.owner import owner
with owner(Path(sys.argv[1])):
    print("owned", flush=True)
    sys.stdin.read()
"""


def test_another_process_is_refused_until_a_kill_9(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"owned\n"
        with pytest.raises(CheckpointError, match=f"process {holder.pid} on"), owner(tmp_path):
            pass
    finally:
        holder.kill()
        holder.communicate()
    with owner(tmp_path):  # a stale name is no lock
        pass


def test_who_waits_is_told_for_whom_until_that_one_ends(tmp_path: Path) -> None:
    told = list[str]()
    wait_until_free(tmp_path, told.append)
    assert not list(tmp_path.iterdir()), "a folder that nobody trains into is left alone"
    with owner(tmp_path):
        pass
    wait_until_free(tmp_path, told.append)
    assert told == []
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"owned\n"

    def tell(line: str) -> None:
        told.append(line)
        holder.kill()

    wait_until_free(tmp_path, tell)
    holder.communicate()
    assert len(told) == 1
    assert told[0].startswith(f"process {holder.pid} on ")
    with owner(tmp_path):  # it holds nothing
        pass


def test_a_file_in_the_folder_s_place_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "supernet").write_text("")
    with pytest.raises(CheckpointError, match="must be writable"), owner(tmp_path):
        pass
