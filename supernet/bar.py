"""Bar: tqdm's on a terminal; elsewhere, as in a log, a line a minute."""

import sys
from typing import Any

from tqdm import tqdm

LINE_EVERY_S = 60.0


class Bar(tqdm):  # type: ignore[type-arg]  # generic in its stubs only
    """Progress of work whose length is known."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """As tqdm. Where stderr is no terminal, work of less than a minute says nothing."""
        self.is_lines = not sys.stderr.isatty()
        if self.is_lines:
            options |= {"mininterval": LINE_EVERY_S, "delay": LINE_EVERY_S, "ncols": 0}
        super().__init__(*arguments, **options)

    def display(self, msg: str | None = None, pos: int | None = None) -> Any:
        """Write the bar again or, where there is none, a line."""
        if not self.is_lines:
            return super().display(msg, pos)
        return print(self if msg is None else msg, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leave the bar as it is; lines need no end."""
        self.disable = self.disable or self.is_lines
        super().close()
