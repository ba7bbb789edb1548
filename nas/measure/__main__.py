"""The command `python -m nas.measure`."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from nas.conditions.registry import CONDITIONS, STEADY
from nas.errors import NasError
from nas.evaluate.trained import add_data_arguments, load_trained, run_of
from nas.measure.artifacts import MINUTES, measure_artifacts
from nas.measure.device_line import DeviceLine
from nas.measure.measurements import read_measurements
from nas.measure.measuring import measure, table_of
from nas.measure.over_ssh import measured_on
from nas.measure.ssh import ssh
from nas.measure.target_command import measure_by_command
from nas.runtimes import load_runtime
from nas.runtimes.registry import RUNTIMES
from nas.runtimes.runtime import DTYPES
from planner import LookupTable, PlannerError
from supernet.cores import usable_cores
from supernet.device import choose_device
from supernet.errors import SupernetError

EXAMPLE = """examples, where TABLE is runs/default/artifacts/lookup_table.json, which nas.export and
nas.kit write:
  python -m nas.measure TABLE --runtime openvino --out openvino.json
  python -m nas.measure TABLE --dtype int8 --out int8.json
  python -m nas.measure TABLE --kit kit.zip --ssh pi@host --num-threads 4 --out pi.json
  python -m nas.measure TABLE --from measurements.json --out pi.json
  python -m nas.measure TABLE --target-command "ssh pi python3 measure.py {model}" --out pi.json
  python -m nas.measure TABLE --conditions first_call after_pause end_to_end --out conditions.json
"""


MAX_S = 60.0


def _measured(args: argparse.Namespace, table: LookupTable, stack: ExitStack) -> LookupTable:
    """The new table, measured by a kit's file, a device, a command, or this machine.

    What `stack` holds then ends well only if the table is written.
    """
    if (args.kit is None) != (args.ssh is None):
        raise NasError("--ssh must name a device and --kit the kit that goes there; pass both")
    if args.ssh:
        line = DeviceLine(partial(ssh, args.ssh), args.ssh, python=args.ssh_python)
        found = stack.enter_context(measured_on(line, args.kit, table, _kit_options(args)))
        return table_of(table, found)
    if args.conditions and (args.measurements or args.target_command):
        raise NasError(
            "conditions must be measured on this machine, but got --from or --target-command with "
            "--conditions; pass --conditions to the kit's measure.py instead"
        )
    if args.measurements:
        return table_of(table, read_measurements(args.measurements))
    if args.target_command:
        return table_of(table, measure_by_command(table, args.target_command))
    if args.dtype and len(table.target.dtypes) > 1:
        raise NasError(
            f"the entries of {args.table} name their own number types, {table.target.dtype}, "
            f"but got --dtype {args.dtype}; leave it out"
        )
    runtime = load_runtime(  # fails, where it does, before the images are read
        args.runtime,
        device=choose_device(args.device).type,
        num_threads=_or(args.num_threads, min(table.target.num_threads, usable_cores().num_usable)),
        dtype=args.dtype or table.target.dtype,
    )
    if args.conditions:
        return measure_artifacts(
            table,
            args.table.parent,
            runtime,
            args.conditions,
            max_s=_or(args.max_s, MAX_S),
            minutes=_or(args.minutes, MINUTES),
            num_busy_processes=args.busy_processes,
            photo=args.photo,
            allow_noisy=args.allow_noisy,
        )
    trained = load_trained(
        run_of(args.supernet, args.table.parent.parent), data=args.data, data_root=args.data_root
    )
    return measure(
        table,
        trained.supernet,
        trained.data,
        runtime,
        max_s=_or(args.max_s, MAX_S),
        allow_noisy=args.allow_noisy,
    )


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _kit_options(args: argparse.Namespace) -> list[str]:
    """The options of the kit's measure.py: those that were given here."""
    for name in ("device", "dtype", "supernet", "data", "data_root", "photo"):
        if getattr(args, name) is not None:
            raise NasError(
                f"with --ssh the kit must say what is measured, but got --{name.replace('_', '-')}"
                "; leave it out"
            )
    options = []
    for name in ("num_threads", "max_s", "minutes", "busy_processes"):
        if getattr(args, name) is not None:
            options += [f"--{name.replace('_', '-')}", str(getattr(args, name))]
    if args.conditions:
        options += ["--conditions", *args.conditions]
    return options + ["--allow-noisy"] * args.allow_noisy


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m nas.measure",
        description="Create the lookup table of another target: this machine with another runtime,"
        "\nor a device with a kit (nas.kit), from the kit's result or by running a command.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("table", type=Path, metavar="TABLE", help="lookup table whose entries are measured")
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--from", type=Path, dest="measurements", metavar="FILE", help="measurements.json of a kit"
    )
    source.add_argument(
        "--target-command",
        metavar="COMMAND",
        help="command that measures {model}, a file of the kit, on the device",
    )
    source.add_argument(
        "--ssh",
        metavar="HOST",
        help="device that measures --kit, as ssh takes it, such as pi@host; if the line drops, "
        "repeat the command to go on",
    )
    source.add_argument("--runtime", help=f"one of {', '.join(RUNTIMES)}; default: as nas.search")
    add("--kit", type=Path, metavar="ZIP", help="kit for --ssh, from nas.kit")
    add(
        "--ssh-python",
        default="python3",
        metavar="PYTHON",
        help="the device's Python with numpy and onnxruntime, such as venv/bin/python; "
        "default: python3",
    )
    add("--device", help="cpu or cuda; default: cuda if available")
    add(
        "--dtype",
        choices=DTYPES,
        help="dtype that the runtime computes in; default: the table's. In another one, top-1 is "
        "scored anew",
    )
    add(
        "--num-threads",
        type=int,
        help="threads of the runtime; default: as many as in TABLE, at most all usable cores",
    )
    add(
        "--supernet",
        type=Path,
        metavar="RUN",
        help="run of the supernet; default: the run of TABLE",
    )
    add_data_arguments(parser)
    add(
        "--max-s",
        type=float,
        help=f"seconds of timing, and of each condition; default: {MAX_S:.0f}, a kit's 120",
    )
    add(
        "--allow-noisy",
        action="store_true",
        help="measure even on a busy machine, and mark the table as noisy",
    )
    add(
        "--conditions",
        nargs="+",
        metavar="NAME",
        help=f"time the artifacts beside TABLE (nas.export) under these conditions: "
        f"{', '.join((STEADY, *CONDITIONS))}; see docs/deployment.md",
    )
    add("--minutes", type=int, help=f"of sustained; default: {MINUTES}")
    add("--busy-processes", type=int, help="of contended; default: one for each usable core")
    add("--photo", type=Path, metavar="FILE", help="of end_to_end; default: a made-up JPEG")
    add("--out", type=Path, required=True, metavar="TABLE2", help="file of the new table")
    return parser


def _times_steady(table: LookupTable, condition: str) -> str:
    """What entries take under a condition, as multiples of their steady medians: from to."""
    pairs = [
        (entry.conditions[condition], entry.latency.p50_ms)
        for entry in table
        if condition in entry.conditions
    ]
    p50 = [latency.p50_ms / steady_ms for latency, steady_ms in pairs]
    p99 = [latency.p99_ms / steady_ms for latency, steady_ms in pairs]
    return (
        f"p50 {min(p50):.3g} to {max(p50):.3g}, p99 {min(p99):.3g} to {max(p99):.3g} "
        "times the steady median"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    args = _parser().parse_args(argv)
    try:
        if not args.out.parent.is_dir():  # told now, not after an hour of measuring
            raise NasError(f"{args.out.parent} must be a folder, but there is none of this name")
        with ExitStack() as stack:
            table = _measured(args, LookupTable.read(args.table), stack)
            table.write(args.out)
    except KeyboardInterrupt:
        goes_on = f"; {args.ssh} goes on measuring: repeat this command to go on" * bool(args.ssh)
        print(f"interrupted{goes_on}", file=sys.stderr)
        return 130
    except (NasError, SupernetError, PlannerError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for condition in table.conditions[1:]:
        print(f"{condition:>24}  {_times_steady(table, condition)}")
    print(table.timing_quality)
    print(f"written: {args.out}, {len(table)} entries on {table.target.device}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
