"""Stop: SIGTERM and Ctrl-C end a training after the current step, not within it.

A terminal that closes (SIGHUP) ends none: the training goes on, and so does its log.
"""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
IGNORED = tuple(getattr(signal, name) for name in ("SIGHUP",) if hasattr(signal, name))


class Stopped(KeyboardInterrupt):
    """A training has stopped on a signal; its state is saved."""

    def __init__(self, signal_number: int) -> None:
        super().__init__()
        self.signal_number = signal_number


class Stop:
    """Within `with`, record the first signal; a second Ctrl-C interrupts at once.

    Only the main thread receives signals; in another thread this does nothing.
    """

    def __init__(self) -> None:
        self.signal_number: int = 0
        """The signal that requested the stop; 0: none so far."""
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Stop":
        if threading.current_thread() is threading.main_thread():
            handlers = dict.fromkeys(SIGNALS, self._record) | dict.fromkeys(IGNORED, signal.SIG_IGN)
            self._before = {number: signal.signal(number, h) for number, h in handlers.items()}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _record(self, number: int, frame: FrameType | None) -> None:
        if self.signal_number and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal_number = number
