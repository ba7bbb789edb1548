import subprocess
import sys
from pathlib import Path

import pytest

from supernet.errors import CheckpointError
from supernet.train.owner import owner

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


def test_a_file_in_the_folder_s_place_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "supernet").write_text("")
    with pytest.raises(CheckpointError, match="must be writable"), owner(tmp_path):
        pass
