"""`audit`: compare broker and database once, independently of who serves; it takes no lease and changes nothing."""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from contract.strict import DocumentError
from dispatcher.adapters.position_ledger import PostgresPositionLedger
from dispatcher.commands import trading
from dispatcher.commands.positions import lease_of
from dispatcher.core.positions.audit import Discrepancy, compare
from dispatcher.core.positions.book import Stage
from dispatcher.ports import (
    BrokerUnavailableError,
    DatabaseAuthenticationError,
    DatabaseUnavailableError,
    TradingAccount,
)
from dispatcher.shell import settings as reading
from dispatcher.shell.settings import Settings


@dataclass(frozen=True, slots=True)
class Audited:
    """One account: how many positions the broker holds, and what does not agree."""

    account: str
    positions: int
    discrepancies: tuple[Discrepancy, ...]


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Exit 0 when both agree, 1 when they do not or could not be asked, 2 on wrong usage."""
    if unknown := set(arguments) - {"--json"}:
        sys.stderr.write(f"audit: unknown {', '.join(sorted(unknown))}; known is --json\n")
        return 2
    try:
        settings = reading.read(environ)
        audited = [_twice(settings, account) for account in settings.accounts]
    except (DocumentError, DatabaseUnavailableError, DatabaseAuthenticationError, BrokerUnavailableError) as error:
        sys.stderr.write(f"audit: {error}\n  next: python -m dispatcher check\n")
        return 1
    sys.stdout.write(_as_json(audited) if "--json" in arguments else _as_text(audited))
    return 1 if any(each.discrepancies for each in audited) else 0


def _twice(settings: Settings, account: TradingAccount) -> Audited:
    """A fill on its way is no difference: only what two looks find is told."""
    first = _once(settings, account)
    if not first.discrepancies:
        return first
    time.sleep(account.limits.exits.difference_grace_seconds + 1)
    again = _once(settings, account)
    still = {(each.check, each.symbol) for each in first.discrepancies}
    lasting = tuple(each for each in again.discrepancies if (each.check, each.symbol) in still)
    return Audited(account.name, again.positions, lasting)


def _once(settings: Settings, account: TradingAccount) -> Audited:
    asked = trading.alpaca(settings, account)
    with trading.connection(settings, f"audit {account.name}") as opened:
        opened.execute("SET default_transaction_read_only = on")
        ledger = PostgresPositionLedger(opened, account=account.name, lease=lease_of(account.name), epoch=0)
        last = {symbol: books[-1] for symbol, books in ledger.books().items()}
    live = {symbol: book for symbol, book in last.items() if book.stage is not Stage.CLOSED}
    holdings = asked.holdings()
    found = compare(holdings, live, asked.working(), account.limits.exits, asked.clock())
    return Audited(account.name, len(holdings), found)


def _as_json(audited: list[Audited]) -> str:
    agree = not any(each.discrepancies for each in audited)
    # In words as well: what an alarm listens for is a phrase.
    said = f"broker and books {'agree' if agree else 'differ'}"
    return json.dumps({"ok": agree, "said": said, "accounts": [asdict(each) for each in audited]}) + "\n"


def _as_text(audited: list[Audited]) -> str:
    lines = []
    for each in audited:
        lines.append(f"{each.account}: {each.positions} positions, {len(each.discrepancies)} differences\n")
        lines += [f"  {d.check} {d.symbol}: {d.evidence}\n    next: {d.fix}\n" for d in each.discrepancies]
    return "".join(lines)
