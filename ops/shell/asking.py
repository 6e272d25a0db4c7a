"""A request is left in the control table and followed to its answer: taken, then done or refused."""

from dataclasses import dataclass
from typing import Protocol

from contract.control import AnswerState, Request
from ops.errors import Exit
from ops.ports import Clock
from ops.shell.watch import pause
from ops.world import Tell


class Requests(Protocol):
    """The control table, as far as requests go."""

    def request(self, account: str, identity: str) -> Request | None:
        """The request as it stands now; None when it is gone."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One account, and what stands in the table about the request: its newest answer, or none yet."""

    account: str
    request: Request

    @property
    def state(self) -> AnswerState | None:
        """What became of it so far."""
        return self.request.answer.state if self.request.answer else None

    @property
    def over(self) -> bool:
        """Whether the answer is the last one."""
        return self.state in {AnswerState.DONE, AnswerState.REFUSED}

    def words(self) -> str:
        """The answer in words."""
        answer = self.request.answer
        if answer is None:
            return "nobody took it up yet"
        return f"{answer.state}: {answer.detail}"


def follow(table: Requests, clock: Clock, asked: list[Asked], *, seconds: float, tell: Tell) -> list[Asked]:
    """Look until every answer is the last one, or for so long; as they stand then. News is told as it comes."""
    begun = clock.monotonic()
    while not all(each.over for each in asked) and clock.monotonic() - begun < seconds:
        clock.sleep(pause(clock.monotonic() - begun))
        now = [_again(table, each) for each in asked]
        _tell_news(asked, now, tell)
        asked = now
    return asked


def ending(asked: list[Asked]) -> tuple[Exit, str]:
    """How it ended, and the next step."""
    if any(each.state is AnswerState.REFUSED for each in asked):
        return Exit.NOT_DONE, "read why it was refused; ops positions says what is held"
    if all(each.state is AnswerState.DONE for each in asked):
        return Exit.DONE, "nothing; ops positions shows what is left"
    if any(each.state is None for each in asked):
        return Exit.INCONCLUSIVE, "see whether the position manager runs: ops positions, ops status"
    return Exit.INCONCLUSIVE, "it goes on by itself; ops positions --watch shows how far it is"


def _again(table: Requests, each: Asked) -> Asked:
    return Asked(each.account, table.request(each.account, each.request.id) or each.request)


def _tell_news(before: list[Asked], now: list[Asked], tell: Tell) -> None:
    for was, each in zip(before, now, strict=True):
        if each.words() != was.words():
            tell(each.account, each.words())
