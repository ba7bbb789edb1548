"""The zips that pages offer for download, by a name that only their readers know.

Streamlit holds what a download button offers in memory. A zip of artifacts is therefore sent by a
route of its own (app/serving.py), which finds here what a page has offered.
"""

import secrets
from pathlib import Path
from threading import Lock

from planner import LookupTable

MAX_OFFERS = 200
Offer = tuple[LookupTable, Path]
"""A table whose entries all have an artifact, and the folder of the artifacts."""


class Offers:
    """Offers by their names; the oldest is forgotten first. Safe in several threads."""

    def __init__(self) -> None:
        """Start with none."""
        self.served = False
        """Whether this process has the route that sends them."""
        self._lock = Lock()
        self._by_name: dict[str, Offer] = {}
        self._names: dict[tuple[Path, str, str, tuple[str, ...]], str] = {}

    def offer(self, table: LookupTable, folder: Path) -> str:
        """Return the name of an offer, the same for the same one."""
        key = (folder, table.target.fingerprint, table.condition, tuple(table.by_config_id))
        with self._lock:
            name = self._names.setdefault(key, secrets.token_urlsafe(24))
            self._by_name[name] = (table, folder)
            while len(self._names) > MAX_OFFERS:
                oldest = next(iter(self._names))
                self._by_name.pop(self._names.pop(oldest), None)
        return name

    def find(self, name: str) -> Offer | None:
        """What was offered by this name."""
        with self._lock:
            return self._by_name.get(name)


OFFERS = Offers()
"""Those of this process."""
