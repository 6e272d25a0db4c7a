"""What can end a command other than its own verdict."""

from enum import IntEnum


class Exit(IntEnum):
    """How a command ended, for scripts."""

    DONE = 0
    """Done and proven."""
    NOT_DONE = 1
    """Not done, or proven wrong."""
    USAGE = 2
    """Asked in a way that cannot be answered; nothing was tried."""
    TAKEN_BACK = 3
    """The release failed and the one before it runs again."""
    SUPERSEDED = 4
    """Another deployment took its place before it was proven."""
    INCONCLUSIVE = 5
    """Neither proven nor disproven."""
    LOCKED = 6
    """Somebody else holds the lock of the environment; nothing was tried."""
    FINDINGS = 7
    """What must hold before, does not; nothing was changed."""


class OpsError(Exception):
    """A command could not do its work. Says what is wrong and what to do next."""

    def __init__(self, message: str, *, next_step: str, exit_code: Exit = Exit.USAGE) -> None:
        self.message = message
        self.next_step = next_step
        self.exit_code = exit_code
        super().__init__(message)


class Unreachable(OpsError):  # noqa: N818 - it says what is so
    """No answer came, after several attempts: whether it was done is not known. Who only looks may look again."""
