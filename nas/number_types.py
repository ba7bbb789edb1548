"""Number types: a subnet in one, where a target computes in several, and that of its file."""

from dataclasses import dataclass

from nas.runtimes.mixed import SEPARATOR
from planner import LookupTable
from supernet import SubnetConfig


@dataclass(frozen=True, kw_only=True)
class TypedConfig(SubnetConfig):
    """A subnet in a number type; the supernet takes it for the subnet."""

    dtype: str
    """float32, int8 ..., one of `nas.runtimes.runtime.DTYPES`."""

    @property
    def config_id(self) -> str:
        """Like `w0.5-r24-int8`; in float32 the subnet's own."""
        of_subnet = super().config_id
        return of_subnet if self.dtype == "float32" else f"{of_subnet}-{self.dtype}"


def typed(config: SubnetConfig, dtype: str | None) -> SubnetConfig:
    """The subnet of `config` in a number type; None: in the target's only one."""
    if dtype == dtype_of(config):
        return config
    if dtype is None:
        return SubnetConfig(width_mults=config.width_mults, resolution=config.resolution)
    return TypedConfig(width_mults=config.width_mults, resolution=config.resolution, dtype=dtype)


def dtype_of(config: SubnetConfig) -> str | None:
    """The config's number type; None: the target's only one."""
    return config.dtype if isinstance(config, TypedConfig) else None


def dtype_of_file(dtype: str) -> str:
    """The number type of the file of what was timed in `dtype`: int8 if that is, else float32.

    Runtimes compute a float32 file in float16 or bfloat16 where they are told to.
    """
    return "int8" if dtype == "int8" else "float32"


def dtype_of_files(table: LookupTable) -> str:
    """The number types of a table's files, as a target says them: float32+int8 of both."""
    return SEPARATOR.join(dict.fromkeys(map(dtype_of_file, table.target.dtypes)))
