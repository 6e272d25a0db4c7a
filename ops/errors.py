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
    INCONCLUSIVE = 5
    """Neither proven nor disproven."""


class OpsError(Exception):
    """A command could not do its work. Says what is wrong and what to do next."""

    def __init__(self, message: str, *, next_step: str, exit_code: Exit = Exit.USAGE) -> None:
        self.message = message
        self.next_step = next_step
        self.exit_code = exit_code
        super().__init__(message)
