"""What must hold before anything is traded. A finding has evidence and the next step; nothing is repaired silently."""

from collections.abc import Mapping
from dataclasses import dataclass

from contract.events import BrokerConnected
from dispatcher.core.standing import Account
from dispatcher.ports import TradingAccount

COLUMNS: Mapping[str, frozenset[str]] = {
    "dispatch_recommendations": frozenset(
        "id created_at ticker action instrument_type strategy_type confidence reason features_snapshot".split()  # noqa: SIM905
    ),
    "dispatch_executions": frozenset(
        "execution_id recommendation_id ticker action decision_ts simulated_ts entry_price fill_model qty notional"  # noqa: SIM905
        " stop_loss_price take_profit_price execution_mode account_name explain_json risk_json instrument_type side"
        " status broker_order_id executed_at filled_qty option_symbol strike_price expiration_date contracts"
        " premium_paid delta theta implied_volatility strategy_type".split()
    ),
}
"""Every column of the original's tables that is read or written; our own tables are the schema revision's matter."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that keeps the service from trading."""

    check: str
    subject: str
    evidence: str
    fix: str


def schema(revision: str | None, head: str | None, columns: Mapping[str, frozenset[str]]) -> list[Finding]:
    """The database is at this image's revision (or beyond: migrations only expand) and has every column used."""
    findings = []
    if revision is None or (head is not None and revision < head):
        evidence = f"the database is at {revision or 'no revision'}, this image needs {head}"
        findings.append(Finding("schema", "revision", evidence, "run: python -m dispatcher migrate"))
    for table, used in COLUMNS.items():
        if missing := used - columns.get(table, frozenset()):
            evidence = f"missing: {', '.join(sorted(missing))}"
            findings.append(
                Finding("schema", table, evidence, "add the columns, or run an image that does not use them")
            )
    return findings


def identity(declared: TradingAccount, found: Account) -> list[Finding]:
    """The account behind the key is the one declared; its number is its identity."""
    if found.number == declared.number:
        return []
    evidence = f"declared {declared.number}, the broker says {found.number}"
    return [Finding("account", declared.name, evidence, "put the right secret or the right account number in place")]


def one_execution_per_account(unique: list[frozenset[str]]) -> list[Finding]:
    """An execution is unique per recommendation and account. The original was unique per recommendation for a while."""
    if frozenset({"recommendation_id"}) not in unique:
        return []
    evidence = "a unique index on recommendation_id alone: the second account's order could not be recorded"
    fix = "drop that index; the one on (recommendation_id, account_name) takes its place"
    return [Finding("schema", "dispatch_executions", evidence, fix)]


def refused(declared: TradingAccount, error: str) -> Finding:
    """The broker does not take our key."""
    return Finding("broker", declared.name, error, "put the account's key and secret in place, or its base URL right")


def connected(declared: TradingAccount, found: Account, host: str) -> BrokerConnected:
    """The proof of the connection, as said."""
    return BrokerConnected(
        account=declared.name,
        account_number=found.number,
        buying_power=found.buying_power,
        equity=found.equity,
        host=host,
    )
