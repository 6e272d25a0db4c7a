"""What keeps the service from trading, each with evidence and the next step."""

import pytest

from dispatcher.ports import TradingAccount
from dispatcher.shell import check
from dispatcher.shell.check import COLUMNS, Finding
from tests.dispatcher.cases import account, limits

LARGE = TradingAccount("large", "PA3LARGE", limits())


def test_a_schema_at_the_head_with_every_column_has_no_finding() -> None:
    assert check.schema("0001", "0001", COLUMNS) == []


def test_a_schema_beyond_this_image_is_fine_because_migrations_only_expand() -> None:
    assert check.schema("0002", "0001", COLUMNS) == []


@pytest.mark.parametrize(("revision", "shown"), [(None, "no revision"), ("0001", "0001")])
def test_a_schema_behind_the_image_is_a_finding(revision: str | None, shown: str) -> None:
    assert check.schema(revision, "0002", COLUMNS) == [
        Finding(
            "schema",
            "revision",
            f"the database is at {shown}, this image needs 0002",
            "run: python -m dispatcher migrate",
        )
    ]


def test_every_missing_column_is_named() -> None:
    kept = COLUMNS["dispatch_recommendations"] - {"reason", "ticker"}
    columns = {**COLUMNS, "dispatch_recommendations": kept}

    (finding,) = check.schema("0001", "0001", columns)

    assert (finding.subject, finding.evidence) == ("dispatch_recommendations", "missing: reason, ticker")


def test_a_table_that_is_not_there_lacks_all_its_columns() -> None:
    findings = check.schema("0001", "0001", {})

    assert [finding.subject for finding in findings] == list(COLUMNS)


def test_the_declared_account_has_no_finding() -> None:
    assert check.identity(LARGE, account()) == []


def test_another_account_than_the_declared_is_a_finding() -> None:
    assert check.identity(LARGE, account(number="PA3TINY")) == [
        Finding(
            "account",
            "large",
            "declared PA3LARGE, the broker says PA3TINY",
            "put the right secret or the right account number in place",
        )
    ]
