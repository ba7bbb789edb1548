"""Bar: tqdm's on a terminal; elsewhere, as in a log, a line a minute."""

import io
import sys
from typing import Any

from tqdm import tqdm

LINE_EVERY_S = 60.0


class Bar(tqdm):  # type: ignore[type-arg]  # generic in its stubs only
    """Progress of work whose length is known."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """As tqdm. Where stderr is no terminal, work of less than a minute says nothing.

        Neither does any work where stderr is closed (`2>&-`), which Python replaces by None.
        """
        self.is_lines = sys.stderr is not None and not sys.stderr.isatty()
        if sys.stderr is None:
            options |= {"disable": True, "file": io.StringIO()}
        if self.is_lines:
            options |= {"mininterval": LINE_EVERY_S, "delay": LINE_EVERY_S, "ncols": 0}
            # Else a line would wait for as many updates as came before the last one.
            options["miniters"] = 0
        super().__init__(*arguments, **options)
        if self.is_lines:  # else tqdm.write, of what others say, would write a line after each
            self._instances.discard(self)  # type: ignore[attr-defined]

    def display(self, msg: str | None = None, pos: int | None = None) -> Any:
        """Write the bar again or, where there is none, a line."""
        if not self.is_lines:
            return super().display(msg, pos)
        return print(self if msg is None else msg, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leave the bar as it is; lines need no end."""
        self.disable = self.disable or self.is_lines
        super().close()
