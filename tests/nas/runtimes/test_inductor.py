import pytest
from torch._inductor.exc import InvalidCxxCompiler

from nas.errors import RuntimeUnavailableError
from nas.runtimes.inductor import Inductor


@pytest.mark.parametrize("error", [InvalidCxxCompiler, PermissionError])
def test_a_missing_compiler_is_one_clear_line(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> str:
        raise error

    monkeypatch.setattr("nas.runtimes.inductor.get_cpp_compiler", missing)
    with pytest.raises(RuntimeUnavailableError, match=r"needs a C\+\+ compiler .* install g\+\+"):
        Inductor("cpu", 1)
