"""The command `mutualnas`: one name for the commands of all packages. It imports none of them.

Standard library alone, since it also starts where only the planner is installed.
"""

__all__: list[str] = []
