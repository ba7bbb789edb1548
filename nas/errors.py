"""Errors of `nas`. Every message is one line: what must hold, what was got, what to do.

ValueError
+-- NasError
    +-- ResolutionError           the network does not accept images of this size
    +-- NeedsValuesError          a network reads the values of its input
    +-- RuntimeUnavailableError   unknown runtime, or no package, device or cores for it
    +-- ExportError               the exported graph's outputs differ from the network's
    +-- NoisyMachineError         the machine is too busy to measure latency
    +-- StudyError                the study is damaged or belongs to another search
    +-- LimitError                no candidate keeps the constraints
"""


class NasError(ValueError):
    """Base class of all errors that a user of `nas` can cause and fix."""


class ResolutionError(NasError):
    """The network does not accept images of this size."""


class NeedsValuesError(NasError):
    """The network reads the values of its input, without which its multiply-adds are counted."""


class RuntimeUnavailableError(NasError):
    """The runtime is unknown, or its package, device or cores are missing on this machine."""


class ExportError(NasError):
    """The exported graph's outputs differ from the network's."""


class NoisyMachineError(NasError):
    """The machine is too busy for repeatable latency measurements."""


class StudyError(NasError):
    """A study's storage is damaged or belongs to another search."""


class LimitError(NasError):
    """No candidate keeps the constraints."""
