"""`ops trading`: the kill switch, per account."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from contract.control import Ask, TradingOrder
from contract.limits import TradingState
from ops.aws.alerts import AwsAlerts
from ops.aws.trading import TradingTable
from ops.cli import complete
from ops.cli.asking import reason, request, who
from ops.cli.duration import DURATION
from ops.cli.root import Session, Spoken, json_option
from ops.cli.where import aws_of, where
from ops.errors import Exit, OpsError


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a trading verb works: the table and the accounts it is about."""

    table: TradingTable
    accounts: tuple[str, ...]
    declared: Mapping[str, TradingState]
    environment: str
    alerts: AwsAlerts


@click.group()
def trading() -> None:
    """See or change what an account may do; in force within a second, and over restarts.

    \b
    Examples:
      ops trading show
      ops trading halt large --why "prices look wrong"
      ops trading resume large --why "looked at it: upstream was late"

    Of the declared limits, this switch and the service's own halt, the one that allows least is in force. Halting
    cancels resting entries and never an exit. A service that cannot read the switch for 5 s opens nothing.

    Exit codes: 0 said, and it stands in the control table; 1 not said; 2 wrong usage.
    """  # noqa: D301 - click keeps the lines after a backspace as they are


@trading.command(cls=Spoken)
@click.argument("accounts", nargs=-1, shell_complete=complete.accounts)
@json_option
@click.pass_obj
def show(session: Session, accounts: tuple[str, ...]) -> Exit:
    """Show what each account may do, by whom, since when and why.

    \b
    Example:
      ops trading show
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    desk = _desk(session, accounts)
    _tell(session, desk, {account: desk.table.read(account) for account in desk.accounts})
    return Exit.DONE


def _change(name: str, state: TradingState, does: str) -> None:
    """One verb that says a state."""

    @trading.command(name, cls=Spoken, help=f"{does}\n\n\b\nExample:\n  ops trading {name} large --why REASON")
    @click.argument("accounts", nargs=-1, shell_complete=complete.accounts, required=True)
    @click.option("--why", required=True, help="The reason; it stands in the log, in the table and in the message.")
    @json_option
    @click.pass_obj
    def change(session: Session, accounts: tuple[str, ...], why: str) -> Exit:
        desk = _desk(session, accounts)
        order = TradingOrder(state, who(), datetime.now(UTC), reason(why))
        for account in desk.accounts:
            desk.table.write(account, order)
        _alert(desk, order)
        _tell(session, desk, dict.fromkeys(desk.accounts, order))
        return Exit.DONE


_change("halt", TradingState.HALTED, "Send nothing that opens, cancel resting entries; exits go on.")
_change("reduce", TradingState.REDUCE_ONLY, "Only what reduces a position is sent; resting entries are cancelled.")
_change("resume", TradingState.ACTIVE, "Let the account trade again, within its declared limits.")


@trading.command(cls=Spoken)
@click.argument("accounts", nargs=-1, shell_complete=complete.accounts, required=True)
@click.option("--why", required=True, help="The reason.")
@click.option("--wait", type=DURATION, default="60s", show_default=True, help="How long to wait for the end.")
@json_option
@click.pass_obj
def flatten(session: Session, accounts: tuple[str, ...], why: str, wait: float) -> Exit:
    """Halt, then ask the position manager to cancel every order and close every position, and wait for it.

    Outside the session orders are cancelled but for stops, and what is held waits for the open. It goes on whether
    anyone waits or not; `ops positions --watch` shows how far it is.

    \b
    Example:
      ops trading flatten large --why REASON

    Exit codes: 0 the broker holds nothing and no order stands; 1 refused; 2 wrong usage; 5 halted, and not flat yet.
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    desk = _desk(session, accounts)
    order = TradingOrder(TradingState.HALTED, who(), datetime.now(UTC), f"flatten: {reason(why)}")
    for account in desk.accounts:
        desk.table.write(account, order)
    _alert(desk, order)
    return request(session, desk.table, desk.accounts, Ask.FLATTEN, why=why, wait=wait)


def _desk(session: Session, accounts: Iterable[str]) -> Desk:
    there = where(session)
    declared = {name: limits.trading_state for name, limits in there.inventory.accounts.items()}
    for account in accounts:
        if account not in declared:
            raise OpsError(f"no account is called {account!r}", next_step=f"name one of {', '.join(declared)}")
    aws = aws_of(session, there)
    table, alerts = TradingTable(aws, there.names.control_table), AwsAlerts(aws, there.names.alerts)
    return Desk(table, tuple(accounts) or tuple(declared), declared, there.name, alerts)


def _alert(desk: Desk, order: TradingOrder) -> None:
    """Let everybody hear of it. It is in force already; a message that cannot be sent is told, and undoes nothing."""
    subject = f"{desk.environment}: {', '.join(desk.accounts)} {order.state}"
    try:
        desk.alerts.send(subject, _words(order))
    except OpsError as error:
        click.echo(f"the message was not sent: {error.message}", err=True)


def _tell(session: Session, desk: Desk, orders: Mapping[str, TradingOrder | None]) -> None:
    told: dict[str, Any] = {account: order and order.attributes() for account, order in orders.items()}
    if session.json:
        click.echo(json.dumps({"trading": told}))
        return
    for account, order in orders.items():
        said = _words(order) if order else f"{desk.declared[account]} as declared; nothing was ever said"
        click.echo(f"{account}: {said}")


def _words(order: TradingOrder) -> str:
    return f"{order.state}, by {order.by} at {order.at:%Y-%m-%d %H:%M:%S} UTC: {order.why}"
