"""The command `mutualnas`, which runs the commands of all packages.

It uses only the standard library and imports a package only to run its command, so that it also
works where only the planner is installed.
"""

__all__: list[str] = []
