"""Where a script's result lies: in results/, in the folder and under the name of the script."""

from pathlib import Path

BENCHMARKS = Path(__file__).parent
RESULTS = BENCHMARKS / "results"


def result_file(script: str, suffix: str = ".json") -> Path:
    """The result of the script with this `__file__`: results/FOLDER/NAME of the same names."""
    return RESULTS / Path(script).relative_to(BENCHMARKS).with_suffix(suffix)
