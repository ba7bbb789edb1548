"""What the documents say of benchmarks/ is there: commands, files, and a result for each figure."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BENCHMARKS, RESULTS = ROOT / "benchmarks", ROOT / "benchmarks" / "results"
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
SOURCES = sorted(
    path
    for folder in ("supernet", "nas", "planner", "app", "benchmarks", "tests")
    for path in (ROOT / folder).rglob("*.py")
)


def commands(text: str) -> set[str]:
    """Modules after `python -m`, also where a line ends in between."""
    return set(re.findall(r"python -m\s+(benchmarks(?:\.\w+)+)", text))


def is_runnable(module: str) -> bool:
    """Whether `python -m MODULE` finds something to run."""
    path = ROOT.joinpath(*module.split("."))
    file = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
    return file.is_file() and 'if __name__ == "__main__":' in file.read_text(encoding="utf-8")


def measured_in() -> list[str]:
    """The scripts that the README's table of figures names, without `benchmarks/`."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    _, _, table = text.partition("| what | figure | script |\n")
    rows = table.partition("\n\n")[0].splitlines()[1:]
    return sorted({row.split("|")[-2].strip().strip("`") for row in rows})


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_benchmark_command_of_a_document_exists(document: Path) -> None:
    found = commands(document.read_text(encoding="utf-8"))
    assert not {module for module in found if not is_runnable(module)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_benchmark_file_of_a_document_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    files = set(re.findall(r"\bbenchmarks/[\w./-]+\.(?:py|json|npz|md)\b", text))
    assert not {file for file in files if not (ROOT / file).is_file()}


def test_every_benchmark_that_a_docstring_names_exists() -> None:
    wrong = [
        f"{source.relative_to(ROOT)}: {module}"
        for source in SOURCES
        for module in commands(source.read_text(encoding="utf-8"))
        if not is_runnable(module)
    ]
    assert not wrong


@pytest.mark.parametrize("script", measured_in())
def test_a_script_of_the_readmes_figures_exists_and_has_a_result(script: str) -> None:
    assert is_runnable(".".join(("benchmarks", *Path(script).with_suffix("").parts)))
    result = RESULTS / script
    found = result.glob("*.json") if result.is_dir() else [result.with_suffix(".json")]
    assert any(file.is_file() for file in found)


def test_the_readme_names_scripts() -> None:
    assert len(measured_in()) > 5


def test_every_result_belongs_to_a_script_of_its_folder() -> None:
    """By its name, or by what comes before the last `_` of it: make_search_table.json."""
    orphans = []
    for file in sorted(path for path in RESULTS.rglob("*") if path.is_file()):
        folder = BENCHMARKS / file.relative_to(RESULTS).parent
        stems = (file.stem, file.stem.rpartition("_")[0])
        scripts = [folder / f"{stem}.py" for stem in stems] + [folder / "__main__.py"]
        if not any(script.is_file() for script in scripts):
            orphans.append(str(file.relative_to(ROOT)))
    assert not orphans


def test_only_what_all_share_lies_outside_of_the_subjects_folders() -> None:
    shared = {"environment.py", "page.py", "result_file.py"}
    assert {path.name for path in BENCHMARKS.glob("*.py")} == shared
