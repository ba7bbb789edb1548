"""The command `mutualnas COMMAND ...`: run the `main` of the command's package."""

import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Command:
    """The package that implements a command, and how to install it."""

    package: str
    """Its `__main__` defines `main(argv) -> int`; `python -m PACKAGE` is equivalent."""
    requirement: str
    """The pip requirement that installs its dependencies."""
    summary: str
    """Its line in `mutualnas --help`."""


TRAIN, SEARCH, APP = (f"mutualnas[{extra}]" for extra in ("train", "search", "app"))
COMMANDS = {
    "data": Command(
        package="supernet.data",
        requirement=TRAIN,
        summary="check images before they are trained on",
    ),
    "describe": Command(
        package="supernet.describe",
        requirement=TRAIN,
        summary="list what of a network is elastic, and what is not and why",
    ),
    "train": Command(
        package="supernet.train",
        requirement=TRAIN,
        summary="train a supernet by mutual learning",
    ),
    "health": Command(
        package="nas.health",
        requirement=SEARCH,
        summary="check a trained supernet and write a report",
    ),
    "search": Command(
        package="nas.search",
        requirement=SEARCH,
        summary="search a supernet for one target and write a lookup table",
    ),
    "measure": Command(
        package="nas.measure",
        requirement=SEARCH,
        summary="measure a table's entries on another target",
    ),
    "kit": Command(
        package="nas.kit",
        requirement=SEARCH,
        summary="pack a run's artifacts to time them on a device without PyTorch",
    ),
    "export": Command(
        package="nas.export",
        requirement=SEARCH,
        summary="write an ONNX file for each entry of a table",
    ),
    "macs": Command(
        package="nas.macs",
        requirement=SEARCH,
        summary="count a network's multiply-adds per layer with two counters",
    ),
    "planner": Command(
        package="planner",
        requirement="mutualnas",
        summary="select, plan, diff, validate, merge and export tables",
    ),
    "explorer": Command(
        package="app",
        requirement=APP,
        summary="show runs and tables in the browser",
    ),
}

# The packages that each package imports; tests/test_architecture.py checks them.
IMPORTED = {
    "supernet": ("supernet",),
    "nas": ("nas", "planner", "supernet"),
    "planner": ("planner",),
    "app": ("app", "planner"),
}

HELP = f"""usage: mutualnas COMMAND ...

Train one CNN once; get a measured accuracy/latency lookup table for every device.

commands (each has --help):
{chr(10).join(f"  {name:10}{command.summary}" for name, command in COMMANDS.items())}

options:
  -h, --help  print this
  --version   print the version

examples:
  mutualnas search --out runs/default        (trains the embedded example first)
  mutualnas planner select runs/default/search/lookup_table.json --max-latency-ms 0.1
  mutualnas explorer runs/default
"""


def foreign_package(names: Sequence[str], parent: Path) -> str | None:
    """Return an error for the first of `names` that Python finds outside `parent`, else None."""
    for name in names:
        spec = find_spec(name)
        places = [*((spec and spec.submodule_search_locations) or ()), spec and spec.origin]
        found = next((Path(place).resolve() for place in places if place), None)
        if found != parent / name:
            return (
                f"`{name}` must be the MutualNAS package in {parent}, but Python finds {found} "
                "first; run `mutualnas`, not `python -m mutualnas`, or remove it from PYTHONPATH"
            )
    return None


def run(name: str, arguments: Sequence[str]) -> int:
    """Run one command and return its exit code, or 2 if it can't start."""
    command = COMMANDS[name]
    needed = IMPORTED[command.package.partition(".")[0]]
    problem = foreign_package(needed, Path(__file__).resolve().parents[1])
    if problem:
        print(f"mutualnas {name}: {problem}", file=sys.stderr)
        return 2
    try:
        module = importlib.import_module(f"{command.package}.__main__")
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        if missing in IMPORTED:  # a bug in MutualNAS, not a missing dependency
            raise
        print(
            f"mutualnas {name} needs {missing}, which is not installed: "
            f"pip install '{command.requirement}'",
            file=sys.stderr,
        )
        return 2
    # A user's model, `--model package.module:factory`, may be in the current folder, which
    # `python -m` puts first on the path. Here it comes last, so that it can't shadow MutualNAS.
    sys.path.append(os.getcwd())
    code: int = module.main(arguments)
    return code


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command, run it and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    first = words[0] if words else "nothing"
    if first in COMMANDS:
        return run(first, words[1:])
    if first in ("-h", "--help"):
        print(HELP, end="")
        return 0
    if first == "--version":
        print(f"mutualnas {version('mutualnas')}")
        return 0
    print(
        f"mutualnas: the command must be one of {', '.join(COMMANDS)}, but got {first}; "
        "see mutualnas --help",
        file=sys.stderr,
    )
    return 2


if __name__ == "__main__":
    sys.exit(main())
