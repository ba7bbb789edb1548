"""Inference runtimes, one per file; each compiles a plain network to be timed and scored."""

from nas.runtimes.registry import load_runtime
from nas.runtimes.runtime import CompiledNetwork, Runtime

__all__ = ["CompiledNetwork", "Runtime", "load_runtime"]
