"""A test of an incident fails without what stops it, and every incident has one that was tried."""

import ast
from pathlib import Path

from benchmarks.reverts import REVERTS, ROOT, TESTS, copied, without


def test_every_fix_is_where_the_table_says_and_would_be_another_text() -> None:
    found = {each.test: (ROOT / each.file).read_text("utf-8").count(each.fix) for each in REVERTS}

    assert found == dict.fromkeys(found, 1)
    assert [each.test for each in REVERTS if each.fix == each.without] == []


def test_every_incident_of_the_dispatcher_is_tried_without_its_fix() -> None:
    there = ast.parse((ROOT / TESTS / "test_incidents.py").read_text("utf-8")).body
    tests = {node.name for node in there if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}

    assert {each.test.rpartition("::")[2] for each in REVERTS} == tests


def test_a_test_that_does_not_need_its_fix_is_told() -> None:
    sub_penny = next(each for each in REVERTS if "fourth_decimal" in each.test)
    with copied() as copy:
        assert without(copy, sub_penny) is None
        assert _spoiled(copy, sub_penny.test.partition("::")[0]) == "without its fix pytest ends with 0"


def _spoiled(copy: Path, file: str) -> str | None:
    """What is told of the same fix when its test asserts nothing."""
    sub_penny = next(each for each in REVERTS if "fourth_decimal" in each.test)
    path = copy / TESTS / file
    path.write_text(
        path.read_text("utf-8").replace('    assert priced.payload()["take_profit"] ==', "    _ ="), "utf-8"
    )
    path.write_text(path.read_text("utf-8").replace("    assert isinstance(priced, Order)\n", ""), "utf-8")
    return without(copy, sub_penny)
