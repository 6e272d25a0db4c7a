import re
from pathlib import Path

import pytest

from contract.inventory import Environment, EnvironmentKind, UnknownNameError, load, read
from contract.limits import Limits
from contract.strict import DocumentError
from contract.verification import Forbid, Match, Require, RuleSet

# The limits themselves grow with the gates; here they are whatever this repository declares.
ACCOUNT = re.findall(r"^\[accounts\.large\][^§]*?(?=^# )", Path("pipeline.toml").read_text("utf-8"), re.MULTILINE)[0]
ENVIRONMENT = """
[environments.sandbox]
default = true
kind = "sandbox"
account_numbers = { large = "PA1LARGE" }
"""
RULES = """
[verification.default]
soak_seconds = 300

[verification.default.require.connected]
match = { events = ["broker_connected"] }
why = "because"
"""
DECLARED = ENVIRONMENT + ACCOUNT + RULES


def problems(text: str) -> list[str]:
    """Everything that is wrong with the document, in the words its author reads."""
    with pytest.raises(DocumentError) as caught:
        read(text)
    return [str(problem) for problem in caught.value.problems]


def test_a_declared_inventory_becomes_frozen_objects() -> None:
    inventory = read(DECLARED)

    assert inventory.environments == {
        "sandbox": Environment(kind=EnvironmentKind.SANDBOX, account_numbers={"large": "PA1LARGE"}, default=True)
    }
    assert {name: type(limits) for name, limits in inventory.accounts.items()} == {"large": Limits}
    assert inventory.verification == {
        "default": RuleSet(
            soak_seconds=300,
            require={"connected": Require(match=Match(events=("broker_connected",)), why="because")},
        )
    }


def test_the_inventory_of_this_repository_can_be_read() -> None:
    inventory = load(Path("pipeline.toml"))

    assert {"default", "v4"} <= inventory.verification.keys()


def test_no_name_means_the_default_environment() -> None:
    inventory = read(DECLARED)

    assert inventory.default_environment() == "sandbox"
    assert inventory.environment(None) is inventory.environment("sandbox")


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    inventory = read(DECLARED)

    with pytest.raises(UnknownNameError, match=r"no environment is called 'prod'; pipeline\.toml declares sandbox"):
        inventory.environment("prod")
    with pytest.raises(UnknownNameError, match=r"no rule set is called 'v3'; pipeline\.toml declares default"):
        inventory.rule_set("v3")


def test_every_problem_is_told_at_once_whatever_its_kind() -> None:
    text = DECLARED.replace("soak_seconds = 300", 'soak_seconds = "long"').replace("allow_shorting", "alow_shorting")
    text = (
        text.replace("risk_fraction = 0.01", "risk_fraction = 0.5")
        .replace("default = true", "defualt = true")
        .replace("PA1LARGE", "LIVE1")
    )

    assert problems(text) == [
        "accounts.large.allow_shorting: is missing; add it",
        "accounts.large.alow_shorting: unknown key; did you mean allow_shorting?",
        "accounts.large.sizing.risk_fraction: must be above 0, at most 0.05",
        "environments: none is the default; set default = true in one",
        "environments.sandbox.account_numbers.large: is not a paper account's number, such as PA3PBOQAH7ZY",
        "environments.sandbox.defualt: unknown key; did you mean default?",
        "verification.default.soak_seconds: 'long' is not a whole number",
    ]


def test_two_default_environments_are_a_contradiction() -> None:
    second = '[environments.other]\ndefault = true\nkind = "sandbox"\naccount_numbers = { large = "PA2LARGE" }\n'

    assert problems(DECLARED + second) == [
        "environments: sandbox, other are each the default; keep default = true in one"
    ]


def test_an_account_without_a_number_and_a_number_without_an_account_are_contradictions() -> None:
    assert problems(DECLARED.replace("large =", "tiny =")) == [
        "environments.sandbox.account_numbers.large: is missing; [accounts.large] is declared, give its number here",
        "environments.sandbox.account_numbers.tiny: has a number but no limits; declare [accounts.tiny]",
    ]


def test_one_broker_account_cannot_be_two_of_ours() -> None:
    text = DECLARED.replace('{ large = "PA1LARGE" }', '{ large = "PA1LARGE", tiny = "PA1LARGE" }')
    text += ACCOUNT.replace("accounts.large", "accounts.tiny")

    assert problems(text) == [
        (
            "environments.sandbox.account_numbers.tiny: "
            "PA1LARGE is already environments.sandbox.account_numbers.large; one broker account has one trader"
        ),
    ]


def test_one_broker_account_cannot_be_traded_from_two_environments() -> None:
    second = '[environments.other]\nkind = "sandbox"\naccount_numbers = { large = "PA1LARGE" }\n'

    assert problems(DECLARED + second) == [
        (
            "environments.other.account_numbers.large: "
            "PA1LARGE is already environments.sandbox.account_numbers.large; one broker account has one trader"
        ),
    ]


def test_a_rule_id_names_one_rule_of_a_set() -> None:
    again = '[verification.default.forbid.connected]\nmatch = { text = "refused" }\nwhy = "because"\n'

    assert problems(DECLARED + again) == [
        "verification.default: connected is the id of require and forbid rules; rename one"
    ]


def test_a_name_that_cannot_become_part_of_a_variable_is_refused() -> None:
    assert problems(DECLARED.replace("large", "Large_100k"))[0] == (
        "accounts.Large_100k: is not a name; use a-z, 0-9 and -, beginning with a letter"
    )


def test_a_rule_that_cannot_match_is_told_with_everything_else() -> None:
    text = DECLARED.replace("broker_connected", "broker_conected").replace('kind = "sandbox"', 'kind = "cloud"')

    assert problems(text) == [
        "environments.sandbox.kind: 'cloud' is none of sandbox, aws",
        (
            "verification.default.require.connected.match.events: cannot match: no event is called broker_conected; "
            "docs/reference/events.md lists them"
        ),
    ]


def test_a_syntax_error_is_told_with_its_line() -> None:
    assert problems("[environments.sandbox]\nkind = \n") == [
        "the document: is not TOML: Invalid value (at line 2, column 8)"
    ]


def test_a_section_that_is_not_there_is_told() -> None:
    assert problems(RULES) == ["accounts: is missing; add it", "environments: is missing; add it"]


def test_a_file_that_cannot_be_read_is_one_problem_of_the_document(tmp_path: Path) -> None:
    missing = tmp_path / "pipeline.toml"
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"# caf\xe9\n")

    with pytest.raises(DocumentError) as absent:
        load(missing)
    with pytest.raises(DocumentError) as garbled:
        load(latin)

    assert [str(each) for each in absent.value.problems] == ["the document: cannot be read: No such file or directory"]
    assert [str(each) for each in garbled.value.problems] == [
        "the document: cannot be read: is not UTF-8 text: invalid continuation byte"
    ]


def test_rules_keep_the_order_in_which_they_are_declared() -> None:
    forbid = Forbid(match=Match(text="x"), why="because")
    rules = read(DECLARED + '[verification.default.forbid.x]\nmatch = { text = "x" }\nwhy = "because"\n')

    assert list(rules.rule_set("default").rules()) == [
        ("connected", Require(match=Match(events=("broker_connected",)), why="because")),
        ("x", forbid),
    ]
