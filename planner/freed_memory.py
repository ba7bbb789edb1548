"""Return freed memory to the operating system where its C library would keep it."""

import ctypes
import platform


def return_freed_memory() -> None:
    """Let glibc release what was freed; it would retain up to the size of the dropped networks.

    Does nothing elsewhere: musl has no such call, macOS and Windows release large blocks at once.
    """
    if platform.system() != "Linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
