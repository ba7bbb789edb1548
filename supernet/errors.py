"""What goes wrong on the training side, as one line each.

SupernetError (a ValueError)
+-- SpaceError        a config or a search space that cannot be
+-- ModelError        a network that cannot be built, traced or run at a resolution
+-- DataError         images, labels or splits that cannot be used
+-- CheckpointError   a run's folder that cannot be read, resumed or written

Commands print the message and exit with 2; a message says what must hold, what was got, what to do.
"""


class SupernetError(ValueError):
    """Root of all errors that `supernet` raises for a user's input."""


class SpaceError(SupernetError):
    """A config or a search space that cannot be."""


class ModelError(SupernetError):
    """A network that cannot be built, traced or run at a resolution."""


class DataError(SupernetError):
    """Images, labels or splits that cannot be used."""


class CheckpointError(SupernetError):
    """A run's folder that cannot be read, resumed or written."""
