from benchmarks.planner import session
from benchmarks.result_file import RESULTS, result_file


def test_a_result_has_the_folder_and_the_name_of_its_script() -> None:
    assert result_file(session.__file__) == RESULTS / "planner" / "session.json"
    assert result_file(session.__file__, ".npz") == RESULTS / "planner" / "session.npz"
