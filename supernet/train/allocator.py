"""Allocator: freed memory stays with the process, where the C library would return it."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Numbers of glibc's malloc.h."""
LARGEST = 2**31 - 1
"""`mallopt` takes an int: 2 GiB."""


def keep_freed_memory() -> bool:
    """Make glibc keep the memory that tensors free, for the next ones; return whether it does so.

    By default it returns a tensor of more than 32 MiB, or what is free at the end of the heap, to
    the system at once, and the next step of a training gets the same memory anew, page by page:
    with photographs that takes a sixth of the time (docs/training.md). Holds for the rest of the
    process. Other C libraries are left alone.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # musl
        return False
    # Not M_MMAP_THRESHOLD: older versions of glibc refuse more than 32 MiB for it.
    return all([mallopt(M_MMAP_MAX, 0), mallopt(M_TRIM_THRESHOLD, LARGEST)])
