"""One file a runtime; each makes a plain network ready to be timed and scored."""

from nas.runtimes.runtime import CompiledNetwork, Runtime, load_runtime

__all__ = ["CompiledNetwork", "Runtime", "load_runtime"]
