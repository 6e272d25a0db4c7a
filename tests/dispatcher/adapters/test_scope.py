"""No statement can be about another account's rows: each that names a table of ours is bound to an account."""

import re

import pytest

from dispatcher.adapters import position_queries, queries

OF_AN_ACCOUNT = re.compile(
    r"\b(dispatch_claims|dispatch_executions|dispatch_accounts|request_budgets|positions|position_movements"
    r"|position_orders|position_dialogs)\b"
)
BOUND = re.compile(
    r"account = %\((account|lease)\)s|%\(account\)s,|account = a\.account"
    r"|account = ANY \(%\((accounts|wanted)\)s\)|%\(held\)s::text\[\]"
)
OF_THE_FLEET = {"BURY"}
"""Ends the leases of processes that are gone, whichever accounts they held; it reads and writes nothing else."""

STATEMENTS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": text
    for module in (queries, position_queries)
    for name, text in vars(module).items()
    if isinstance(text, str) and name.isupper() and re.search(r"\b(SELECT|INSERT|UPDATE|DELETE)\b.*\w", text)
}


def test_there_are_statements_to_look_at() -> None:
    assert len(STATEMENTS) > 30


@pytest.mark.parametrize("name", [name for name, text in STATEMENTS.items() if OF_AN_ACCOUNT.search(text)])
def test_a_statement_on_an_accounts_rows_is_bound_to_the_account(name: str) -> None:
    assert BOUND.search(STATEMENTS[name]) or name.rpartition(".")[2] in OF_THE_FLEET, STATEMENTS[name]
