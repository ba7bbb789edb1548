"""Four packages, three arrows (README), and the command that starts all without importing any."""

import ast
import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mutualnas.__main__ import COMMANDS, IMPORTED

ROOT = Path(__file__).parents[1]
PACKAGES = ("supernet", "nas", "planner", "app", "mutualnas")

# What each package must never import, of ours and of others.
FORBIDDEN = {
    "mutualnas": {"supernet", "nas", "planner", "app"},
    "supernet": {"nas", "planner", "app", "optuna", "streamlit", "plotly", "pandas", "benchmarks"},
    "nas": {"app", "streamlit", "benchmarks"},
    "planner": {"supernet", "nas", "app", "torch", "torchvision", "streamlit", "benchmarks"},
    "app": {"supernet", "nas", "torch", "torchvision", "optuna", "onnx", "benchmarks"},
}


def imported_names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield (node.module or "").partition(".")[0]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_along_the_arrows(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in imported_names(path)
        if name in FORBIDDEN[package]
    ]
    assert not wrong


# Room -> the rooms of its package that its files may import; what lies beside the rooms (errors,
# space, conversions ...) has no room. README and DESIGN draw the same arrows.
ROOMS = {
    "nas": {
        "meter": set(),
        "conditions": {"meter"},
        "runtimes": set(),
        "cost": set(),
        "evaluate": {"cost", "meter", "runtimes"},
        "report": {"evaluate"},
        "measure": {"conditions", "evaluate", "meter", "runtimes"},
        "export": {"evaluate", "runtimes"},
        "health": {"evaluate"},
        "macs": {"cost"},
        "kit": {"conditions", "evaluate", "export", "meter", "runtimes"},
        "search": {"cost", "evaluate", "meter", "report", "runtimes"},
    },
    "supernet": {
        "tracing": set(),
        "models": set(),
        "data": set(),
        "job": {"data"},
        "elastic": {"tracing"},
        "evaluate": {"data", "elastic"},
        "proof": {"elastic", "evaluate", "tracing"},
        "train": {"data", "elastic", "evaluate", "job", "models", "proof"},
        "describe": {"elastic", "models", "proof"},
    },
}


def rooms_imported(package: str, room: str) -> set[str]:
    """The other rooms of a package that the files of `room` import."""
    found = set()
    for path in (ROOT / package / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                modules = [f"{node.module}.{alias.name}" for alias in node.names]
            for first, second, *_ in (f"{module}..".split(".") for module in modules):
                if first == package and (ROOT / package / second).is_dir():
                    found.add(second)
    return found - {room, ""}


@pytest.mark.parametrize("package", ROOMS)
def test_every_folder_of_a_package_is_a_room_of_the_plan(package: str) -> None:
    folders = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
    assert folders == set(ROOMS[package])


@pytest.mark.parametrize(
    ("package", "room"), [(package, room) for package, rooms in ROOMS.items() for room in rooms]
)
def test_a_room_imports_just_the_rooms_of_the_plan(package: str, room: str) -> None:
    assert rooms_imported(package, room) == ROOMS[package][room]


def test_the_readme_draws_the_rooms_and_their_arrows() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (tree,) = re.findall(r"^```\n(nas/\n.*?)^```", text, re.DOTALL | re.MULTILINE)
    package, drawn = "", dict[str, dict[str, set[str]]]()
    for line in tree.splitlines():
        folder, _, rest = line.strip().partition("/")
        if line.startswith(" "):
            drawn[package][folder] = set(rest.partition("->")[2].split())
        else:
            package, drawn[folder] = folder, {}
    assert drawn == ROOMS


@pytest.mark.parametrize("package", ROOMS)
def test_arrows_between_rooms_run_one_way(package: str) -> None:
    plan, reached = ROOMS[package], dict[str, set[str]]()
    while len(reached) < len(plan):
        below = [room for room in plan if room not in reached and plan[room] <= reached.keys()]
        assert below, f"a circle among {set(plan) - reached.keys()}"
        reached |= {room: plan[room] for room in below}


def test_no_file_has_a_name_that_says_nothing() -> None:
    general = {"utils", "util", "common", "helpers", "helper", "base", "misc", "manager", "core"}
    wrong = [
        str(path.relative_to(ROOT))
        for package in (*PACKAGES, "benchmarks", "tests")
        for path in (ROOT / package).rglob("*.py")
        if path.stem in general or path.parent.name in general
    ]
    assert not wrong


def test_the_command_imports_the_standard_library_alone() -> None:
    names = {name for path in (ROOT / "mutualnas").glob("*.py") for name in imported_names(path)}
    assert names <= sys.stdlib_module_names


@pytest.mark.parametrize("package", IMPORTED)
def test_the_command_knows_which_packages_a_package_imports(package: str) -> None:
    names = {name for path in (ROOT / package).rglob("*.py") for name in imported_names(path)}
    assert names & set(IMPORTED) == set(IMPORTED[package])


def test_every_command_can_be_started_by_name() -> None:
    found = {
        ".".join(path.relative_to(ROOT).parent.parts)
        for package in IMPORTED
        for path in (ROOT / package).rglob("__main__.py")
    }
    assert {command.package for command in COMMANDS.values()} == found


def modules() -> list[str]:
    return [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if path.name != "__init__.py"
    ]


@pytest.mark.parametrize(
    "package",
    [
        *PACKAGES,
        *(f"{package}.{room}" for package, rooms in ROOMS.items() for room in rooms),
        "app.views",
    ],
)
def test_all_names_exactly_what_is_public(package: str) -> None:
    module = importlib.import_module(package)
    names = module.__all__
    assert list(names) == sorted(names), "__all__ is sorted"
    assert len(set(names)) == len(names)
    source = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    bound = {
        alias.asname or alias.name
        for node in source.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    } | {node.name for node in source.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    public = {name for name in bound if not name.startswith("_")}
    assert public == set(names), "what __init__.py binds and what __all__ names are the same"
    for name in names:
        assert getattr(module, name).__doc__, f"{package}.{name} has a docstring"


def test_sources_are_ascii() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for folder in (*PACKAGES, "tests", "benchmarks")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not path.read_text(encoding="utf-8").isascii()
    ]
    assert not wrong


def test_every_module_has_a_test_file_of_the_same_name() -> None:
    missing = [
        name
        for name in modules()
        if not (
            ROOT / "tests" / Path(*name.split(".")[:-1]) / f"test_{name.split('.')[-1]}.py"
        ).is_file()
    ]
    assert not missing


def imported_modules(path: Path, known: set[str]) -> set[str]:
    """The modules of `known` that a file names in its imports, at any level, type checking too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names & known or {str(node.module)}
    return found & known


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_run_in_no_circle(package: str) -> None:
    """Dropping modules that import none of the others, or that none imports, leaves circles."""
    files = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in (ROOT / package).rglob("*.py")
    }
    left = {name: imported_modules(path, set(files)) - {name} for name, path in files.items()}
    num_before = 0
    while len(left) != num_before:
        num_before = len(left)
        imported = set().union(*left.values())
        left = {
            name: imports & set(left)
            for name, imports in left.items()
            if name in imported and imports & set(left)
        }
    assert not left
