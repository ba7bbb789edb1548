import pytest
from torch._inductor.exc import InvalidCxxCompiler

from nas.errors import RuntimeUnavailableError
from nas.runtimes.inductor import Inductor


def test_a_missing_compiler_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> str:
        raise InvalidCxxCompiler

    monkeypatch.setattr("nas.runtimes.inductor.get_cpp_compiler", missing)
    with pytest.raises(RuntimeUnavailableError, match=r"needs a C\+\+ compiler .* install g\+\+"):
        Inductor("cpu", 1)
