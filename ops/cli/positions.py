"""`ops positions`: what is held, and the request to close it."""

from collections.abc import Sequence

import click
from rich.console import Console, RenderableType
from rich.live import Live

from contract.control import Ask
from ops.aws.logs import CloudWatchLogs
from ops.aws.trading import TradingTable
from ops.cli.asking import request
from ops.cli.bench import Bench, bench
from ops.cli.duration import DURATION
from ops.cli.root import Session, Spoken, json_option
from ops.cli.spoken import tell
from ops.core.held import Holdings, document
from ops.core.plain import plain
from ops.errors import Exit, OpsError
from ops.shell.holding import held_by
from ops.shell.watch import pause
from ops.tables import positions_table

COMMAND = "positions"
WIDE = 200
"""Columns where no terminal says how many it has: a log is not cut."""


class Positions(Spoken, click.Group):
    """Shows what is held when no verb follows."""


@click.group(cls=Positions, invoke_without_command=True)
@click.option("--account", "accounts", multiple=True, metavar="NAME", help="Only this account; may be repeated.")
@click.option("--watch", is_flag=True, help="Go on showing it as it changes, until Ctrl-C.")
@json_option
@click.pass_context
def positions(context: click.Context, *, accounts: tuple[str, ...], watch: bool) -> Exit | None:
    """Show what each account holds: profit, what protects it, its age, what ends it next and why.

    It is what the account's position manager said last, with each heartbeat, after reading the broker. Nothing is
    asked of the database or the broker from here. An account whose manager said nothing lately is told as not known.

    \b
    Examples:
      ops positions
      ops positions --account large --watch
      ops positions close AAPL --account large --why "earnings tonight"

    Exit codes: 0 told; 1 an account is not known; 2 wrong usage.
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    if context.invoked_subcommand is not None:
        return None
    session: Session = context.obj
    if watch and session.json:
        raise OpsError("one JSON object cannot go on", next_step="leave out --watch or --json")
    tools = bench(session)
    asked = _declared(tools, accounts)
    if watch:
        _watch(tools, asked)
        return Exit.DONE
    found = holdings_of(tools, asked)
    if session.json:
        tell(session, {"accounts": [plain(document(each)) for each in found]}, ())
    else:
        _console().print(positions_table(found, tools.world.clock.now()))
    return Exit.DONE if all(each.known for each in found) else Exit.NOT_DONE


@positions.command(cls=Spoken)
@click.argument("symbol")
@click.option("--account", metavar="NAME", help="The account; may be left out where only one is declared.")
@click.option("--why", required=True, help="The reason; it stands in the log and in the table.")
@click.option("--wait", type=DURATION, default="60s", show_default=True, help="How long to wait for the end.")
@json_option
@click.pass_obj
def close(session: Session, symbol: str, *, account: str | None, why: str, wait: float) -> Exit:
    """Ask the position manager to close a position, by its own symbol, and wait until the broker holds nothing of it.

    It cancels what stands in the symbol, sees that it is gone, and has the broker close its own quantity: the same way
    out as every other exit. Outside the session it waits for the open, and the stop stays where it is.

    \b
    Examples:
      ops positions close AAPL --account large --why "earnings tonight"
      ops positions close AAPL261218C00200000 --account large --why "spread is gone" --wait 5m

    Exit codes: 0 the broker holds nothing of it; 1 refused; 2 wrong usage; 5 not over yet: it goes on by itself.
    """  # noqa: D301 - click keeps the lines after a backspace as they are
    tools = bench(session)
    named = _declared(tools, () if account is None else (account,))
    if len(named) != 1:
        raise OpsError("which account?", next_step=f"add --account, one of {', '.join(named)}")
    table = TradingTable(tools.aws, tools.names.control_table)
    return request(session, table, tuple(named), Ask.CLOSE, why=why, wait=wait, symbol=symbol.upper())


def _declared(tools: Bench, accounts: Sequence[str]) -> dict[str, str]:
    """The accounts that are asked about, each with the service that looks after its positions."""
    known = tools.declared.accounts
    for account in accounts:
        if account not in known:
            raise OpsError(f"no account is called {account!r}", next_step=f"name one of {', '.join(known)}")
    managers = {
        account: name
        for name, each in tools.declared.services.items()
        if each.command[:1] == (COMMAND,)
        for account in each.accounts
    }
    asked = accounts or tuple(managers)
    if unmanaged := [each for each in asked or known if each not in managers]:
        raise OpsError(
            f"no service looks after the positions of {', '.join(unmanaged)}",
            next_step=f'declare one in pipeline.toml with command = ["{COMMAND}"], and ops deploy it',
        )
    return {account: managers[account] for account in asked}


def holdings_of(tools: Bench, asked: dict[str, str]) -> list[Holdings]:
    """What these accounts hold, each by the service that looks after it."""
    return [_holdings(tools, account, service) for account, service in asked.items()]


def _holdings(tools: Bench, account: str, service: str) -> Holdings:
    beat = tools.declared.services[service].heartbeat_seconds
    return held_by(tools.world, CloudWatchLogs(tools.aws), account, service, heartbeat_seconds=beat)


def _watch(tools: Bench, asked: dict[str, str]) -> None:
    """The table in place on a terminal; elsewhere one after the other, each when it says something new."""
    clock, console = tools.world.clock, _console()
    begun, shown = clock.monotonic(), None
    try:
        with Live(console=console, auto_refresh=False, transient=False) as live:
            while True:
                found = holdings_of(tools, asked)
                if console.is_terminal:
                    live.update(_screen(tools, found), refresh=True)
                elif found != shown:
                    console.print(_screen(tools, found))
                shown = found
                clock.sleep(pause(clock.monotonic() - begun))
    except KeyboardInterrupt:
        return  # this is how watching ends


def _screen(tools: Bench, found: list[Holdings]) -> RenderableType:
    return positions_table(found, tools.world.clock.now())


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDE)
