"""Networks of the papers that torchvision lacks, and the names of all that are known."""

__all__: list[str] = []
