"""Measures a table's entries on a device that ssh reaches: a kit goes there, its result comes back.

The kit's measure.py runs apart from the line, which may drop. While it runs, there is one
connection that sleeps: to open one takes the device as much time as hundreds of inferences.
"""

import hashlib
import json
import re
import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from nas.errors import NasError
from nas.measure.device_line import Answer, DeviceLine, LineDropped
from nas.measure.measurements import check_measurements
from planner import LookupTable
from supernet.bar import Bar

POLL_S = 2.0
"""How often the device looks at its own log."""
PROGRESS = re.compile(r"(.*\S)\s+(\d+)%$")


@contextmanager
def measured_on(
    line: DeviceLine, kit: Path, table: LookupTable, options: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Yield what the device at the other end of `line` measures: a measurements.json.

    The kit is copied unless it is there. A measuring of this kit with these options that runs there
    is waited for; if one has ended, its result is taken, once: only if the block ends without an
    error, does the device measure anew the next time.

    Args:
        line: to the device.
        kit: from `nas.kit`, with the entries of `table`.
        table: whose entries are measured.
        options: of the kit's measure.py, such as `("--num-threads", "1")`.

    Raises NasError for a kit that is damaged or another table's, and wherever the device can't
    measure or the line doesn't come back.
    """
    request = {**_described(kit, table), "options": list(options), "poll_s": POLL_S}
    line.insist(lambda: _copy(line, kit, request))
    with closing(_StageBar()) as bar:
        watch = _Watch(line, request, bar)
        text = line.insist(watch.until_it_ends)
    yield check_measurements(json.loads(text), f"the result of {line.name}")
    _forget(line, request)


def _described(kit: Path, table: LookupTable) -> dict[str, Any]:
    """The kit's digest and sizes, after a look into it: an hour later would be too late."""
    try:
        with zipfile.ZipFile(kit) as packed:
            damaged = packed.testzip()
            contents = json.loads(packed.read("kit.json"))
            num_unpacked = sum(each.file_size for each in packed.infolist())
            weights, dtype = contents["weights_sha256"], contents["dtype"]
            ids = {model["config_id"] for model in contents["models"]}
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise NasError(f"{kit} must be a kit of nas.kit, but: {error}; pack it again") from error
    if damaged:
        raise NasError(f"{kit} must be a kit of nas.kit, but {damaged} is damaged; pack it again")
    missing = [entry.config_id for entry in table if entry.config_id not in ids]
    if weights != table.supernet["weights_sha256"] or dtype != table.target.dtype or missing:
        raise NasError(
            f"{kit} must hold the entries of the table in its dtype ({table.target.dtype}), but "
            "is another table's; pack one with python -m nas.kit RUN --table TABLE"
        )
    with kit.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "sha256": digest,
        "num_bytes": kit.stat().st_size,
        "num_unpacked_bytes": num_unpacked,
    }


def _copy(line: DeviceLine, kit: Path, request: Answer) -> None:
    """Copy what the device lacks of the kit."""
    *_, found = line.answers({**request, "action": "look"})
    if found["is_ready"]:
        return
    total, offset = request["num_bytes"], min(found["num_bytes"], request["num_bytes"])
    with Bar(total=total, initial=offset, desc="copy", unit="B", unit_scale=True) as bar:
        put = {**request, "action": "put", "offset": offset}
        for answer in line.answers(put, _bytes_from(kit, offset)):
            bar.update(int(answer["num_bytes"]) - bar.n)
            if answer["is_ready"]:
                return
    raise LineDropped("the kit hasn't arrived")


def _bytes_from(path: Path, offset: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(offset)
        while chunk := file.read(1 << 16):
            yield chunk


class _Watch:
    """Starts the measuring and waits for its end."""

    def __init__(self, line: DeviceLine, request: Answer, bar: "_StageBar") -> None:
        self.line, self.request, self.bar = line, request, bar
        self.has_begun = False

    def until_it_ends(self) -> str:
        """The text of the result; after a drop, a measuring that failed meanwhile isn't begun
        again."""
        request = {**self.request, "action": "run", "start": not self.has_begun}
        for answer in self.line.answers(request):
            self.has_begun = True
            if answer["state"] == "done":
                self.bar.finish()
                return str(answer["measurements"])
            if answer["state"] == "ended":
                self._fail(answer)
            self.bar.show(answer["log"])
        raise LineDropped("the device fell silent")

    def _fail(self, answer: Answer) -> None:
        said = answer["log"].removeprefix("error: ")
        if not said or PROGRESS.search(said):
            said = "it was stopped; repeat the command to measure again"
        raise NasError(
            f"{self.line.name} must measure the kit, but: {said} (its log there: {answer['path']})"
        )


class _StageBar:
    """The share that is done, and the time left, of what the device does at the moment."""

    def __init__(self) -> None:
        self.bar: Bar | None = None
        self.stage = ""

    def show(self, log: str) -> None:
        """Show the log's last line: `timing  42%`, or anything else, which says nothing."""
        found = PROGRESS.search(log)
        if not found:
            return
        stage, share = found[1], int(found[2]) / 100
        if self.bar is None or stage != self.stage:
            self.finish()
            form = "{l_bar}{bar}| {elapsed}<{remaining}"
            self.stage = stage
            self.bar = Bar(total=1.0, initial=share, desc=stage, bar_format=form)
        self.bar.update(share - self.bar.n)

    def finish(self) -> None:
        """End the bar of a stage that is done."""
        if self.bar is not None:
            self.bar.update(1.0 - self.bar.n)
            self.bar.close()

    def close(self) -> None:
        """End the bar where it is."""
        if self.bar is not None:
            self.bar.close()


def _forget(line: DeviceLine, request: Answer) -> None:
    """Have the device put its result aside; once is enough to try, as the table is written."""
    try:
        list(line.answers({**request, "action": "forget"}))
    except (LineDropped, NasError) as error:
        print(
            f"{line.name} still keeps this result, and the next repeat of this command will "
            f"return it: {error}",
            file=sys.stderr,
        )
