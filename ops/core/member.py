"""A service of an environment, as declared."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A service that a release has a part for."""

    name: str
    rules: str
    """Name of the rule set its releases are judged by."""
    accounts: tuple[str, ...] = ()
    desired: int = 1
    """How many tasks it has when it has a release."""
    schedules: tuple[str, ...] = ()
    """Our schedules that start its image."""
