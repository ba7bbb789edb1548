from pathlib import Path

import pytest

from benchmarks.paper.version import require_one_version, version
from supernet.errors import SupernetError


def test_a_comparison_goes_on_with_the_version_that_began_it_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_one_version(tmp_path / "new")
    require_one_version(tmp_path / "new")
    changed = version() | {"torch": "9.0"}
    monkeypatch.setattr("benchmarks.paper.version.version", lambda: changed)
    with pytest.raises(SupernetError, match=r"new: .* but torch changed since; go on from"):
        require_one_version(tmp_path / "new")
