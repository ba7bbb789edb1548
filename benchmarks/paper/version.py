"""One version a comparison: what was trained by different code isn't put into one table."""

import hashlib
import json
from pathlib import Path

import torch

import supernet
from supernet.errors import SupernetError


def version() -> dict[str, str]:
    """Of PyTorch, and a digest of all that trains and scores."""
    root, digest = Path(supernet.__file__).parent, hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return {"torch": torch.__version__, "supernet": digest.hexdigest()}


def require_one_version(out: Path) -> None:
    """Note the version that a comparison is begun with; raise SupernetError if it is another."""
    path, now = out / "version.json", version()
    if not path.exists():
        out.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(now, indent=2) + "\n", encoding="utf-8")
    begun = json.loads(path.read_text(encoding="utf-8"))
    differing = [name for name in now if now[name] != begun.get(name)]
    if differing:
        raise SupernetError(
            f"{out}: a comparison must end with the version that it was begun with, but "
            f"{' and '.join(differing)} changed since; go on from a checkout of that version, or "
            "choose another --out"
        )
