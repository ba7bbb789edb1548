"""Inference runtimes, one per file; each compiles a plain network to be timed and scored."""

from nas.runtimes.runtime import CompiledNetwork, Runtime, load_runtime

__all__ = ["CompiledNetwork", "Runtime", "load_runtime"]
