"""What `nas` raises. Every message is one line: what must hold, what was got, what to do.

ValueError
+-- NasError
    +-- ResolutionError           the network cannot take images of this size
    +-- UncountedLayerError       a layer computes what has no formula for its multiply-adds
    +-- RuntimeUnavailableError   no such runtime, its package is missing, or its device is
    +-- ExportError               the exported graph does not compute what the network computes
    +-- NoisyMachineError         the machine is too busy to measure latency
    +-- StudyError                the study is damaged, or another search's
    +-- LimitError                no candidate can keep the limits
"""


class NasError(ValueError):
    """Root of all errors that a user of `nas` can cause and mend."""


class ResolutionError(NasError):
    """The network cannot take images of this size."""


class UncountedLayerError(NasError):
    """A layer computes what cannot be counted, so the sum of multiply-adds would be too low."""


class RuntimeUnavailableError(NasError):
    """The runtime is unknown, or its package or its device is missing on this machine."""


class ExportError(NasError):
    """The exported graph does not compute what the network computes."""


class NoisyMachineError(NasError):
    """The machine does too much else: what it measured would not be repeatable."""


class StudyError(NasError):
    """The storage of a study is damaged, or belongs to another search."""


class LimitError(NasError):
    """No candidate can keep the limits that were asked for."""
