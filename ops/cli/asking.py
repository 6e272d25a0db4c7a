"""A request of a person's to the position managers: left in the control table, followed, told."""

import getpass
import platform
from datetime import UTC, datetime
from uuid import uuid4

from contract.control import Ask, Request
from ops.aws.trading import TradingTable
from ops.cli.progress import progress
from ops.cli.root import Session
from ops.cli.spoken import tell
from ops.clock import SystemClock
from ops.errors import Exit, OpsError
from ops.shell.asking import Asked, ending, follow


def request(
    session: Session,
    table: TradingTable,
    accounts: tuple[str, ...],
    ask: Ask,
    *,
    why: str,
    wait: float,
    symbol: str | None = None,
) -> Exit:
    """Leave a request for each account, wait for the answers for so many seconds, tell how it ended."""
    said, at = reason(why), datetime.now(UTC)
    asked = []
    for account in accounts:
        left = Request(f"{at:%Y%m%dT%H%M%SZ}-{uuid4().hex[:8]}", ask, who(), at, said, symbol)
        table.leave(account, left)
        asked.append(Asked(account, left))
    with progress() as step:
        asked = follow(table, SystemClock(), asked, seconds=wait, tell=step)
    code, next_step = ending(asked)
    document = {each.account: {"request": each.request.id, "answer": each.request.answer} for each in asked}
    told = {"ask": ask, "symbol": symbol, "accounts": document, "exit": int(code), "next": next_step}
    tell(session, told, [*(f"{each.account}: {each.words()}" for each in asked), f"Next: {next_step}"])
    return code


def who() -> str:
    """On whose behalf, as the log will have it."""
    return f"{getpass.getuser()}@{platform.node()}"


def reason(why: str) -> str:
    """The reason, if there is one.

    Raises:
        OpsError: it is empty.
    """
    if not why.strip():
        raise OpsError("--why is empty", next_step="say why; whoever reads the log at night is you")
    return why.strip()
