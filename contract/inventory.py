"""The declared inventory: `pipeline.toml` as frozen objects, or one error that lists everything wrong with it.

What is declared is what should be true. A document with a contradiction in it (two default environments, an account
without a number, one broker account traded twice) is refused like one with a misspelt key: nothing is guessed.
"""

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

from voluptuous import Match as Pattern

from contract.limits import Limits
from contract.place import Place
from contract.strict import DocumentError, Problem, build
from contract.verification import Kind, RuleSet
from contract.workload import ExternalSchedule, Schedule, Service

T = TypeVar("T")

FILE_NAME = "pipeline.toml"

AccountNumber = Annotated[str, Pattern(r"^PA[A-Z0-9]+$", msg="is not a paper account's number, such as PA3PBOQAH7ZY")]
"""The broker's number of an account. Only paper accounts are traded, and their numbers begin with PA."""


class EnvironmentKind(StrEnum):
    """Where an environment stands."""

    SANDBOX = "sandbox"
    """On one machine, with an exchange of our own; needs no account anywhere."""
    AWS = "aws"
    """In an AWS account, with the broker's paper accounts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One place where the pipeline runs."""

    kind: EnvironmentKind
    account_numbers: Mapping[str, AccountNumber]
    """The broker's number of each declared account there: the account's identity."""
    default: bool = False
    """Whether a command without `--env` means this one. Exactly one environment says true."""
    place: Place | None = None
    """Where its stacks stand. Without one there is nothing to deploy to."""

    def __post_init__(self) -> None:
        """Refuse an environment in AWS that does not say where."""
        if self.kind is EnvironmentKind.AWS and self.place is None:
            raise ValueError("is in AWS but has no place; declare the account, region, network, database and broker")


class UnknownNameError(LookupError):
    """The inventory declares nothing by that name."""

    def __init__(self, what: str, name: str, known: Mapping[str, object]) -> None:
        self.known = tuple(known)
        super().__init__(f"no {what} is called {name!r}; {FILE_NAME} declares {', '.join(known)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Everything that is declared."""

    environments: Mapping[str, Environment]
    accounts: Mapping[str, Limits]
    verification: Mapping[str, RuleSet]
    services: Mapping[str, Service] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    external_schedules: Mapping[str, ExternalSchedule] = field(default_factory=dict)

    def environment(self, name: str | None) -> Environment:
        """The environment of that name; the default one for None.

        Raises:
            UnknownNameError: there is none of that name.
        """
        return _one("environment", self.default_environment() if name is None else name, self.environments)

    def default_environment(self) -> str:
        """The name of the environment that is meant when none is named."""
        return next(name for name, each in self.environments.items() if each.default)

    def rule_set(self, name: str) -> RuleSet:
        """The verification rules of that name.

        Raises:
            UnknownNameError: there are none of that name.
        """
        return _one("rule set", name, self.verification)


def load(path: Path) -> Inventory:
    """Read the declared inventory from a file.

    Raises:
        DocumentError: the file cannot be read or used; lists every problem.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else f"is not UTF-8 text: {error.reason}"
        raise DocumentError(str(path), (Problem("", f"cannot be read: {why}"),)) from error
    return read(text, name=str(path))


def read(text: str, *, name: str = FILE_NAME) -> Inventory:
    """Read the declared inventory from the text of a `pipeline.toml`.

    Raises:
        DocumentError: with every problem, contradictions between sections included.
    """
    document = _document(text, name)
    problems = set(_contradictions(document))
    try:
        inventory = build(Inventory, document, name=name)
    except DocumentError as error:
        raise DocumentError(name, tuple(sorted({*error.problems, *problems}))) from error
    if problems:
        raise DocumentError(name, tuple(sorted(problems)))
    return inventory


def _one(what: str, name: str, known: Mapping[str, T]) -> T:
    if name not in known:
        raise UnknownNameError(what, name, known)
    return known[name]


def _document(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise DocumentError(name, (Problem("", f"is not TOML: {error}"),)) from error


def _contradictions(document: Mapping[str, Any]) -> Iterator[Problem]:
    """What no section can know by itself. Reads the raw document, so that it is found beside every other problem."""
    yield from _names(document)
    yield from _defaults(_tables(document.get("environments")))
    yield from _accounts(_tables(document.get("environments")), _tables(document.get("accounts")))
    yield from _rule_ids(_tables(document.get("verification")))
    yield from _environments_apart(_tables(document.get("environments")))
    yield from _services(document)
    yield from _schedules(_tables(document.get("schedules")), _tables(document.get("services")))


def _tables(value: Any) -> dict[str, dict[str, Any]]:
    """The tables in a table; what is no table is somebody else's problem."""
    return {key: each for key, each in value.items() if isinstance(each, dict)} if isinstance(value, dict) else {}


def _names(document: Mapping[str, Any]) -> Iterator[Problem]:
    for section in ("environments", "accounts", "verification", "services", "schedules"):
        for name in _tables(document.get(section)):
            if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
                # Names become parts of variable names and of resource names, which know no more than this.
                yield Problem(f"{section}.{name}", "is not a name; use a-z, 0-9 and -, beginning with a letter")


def _defaults(environments: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    defaults = [name for name, each in environments.items() if each.get("default") is True]
    if environments and not defaults:
        yield Problem("environments", "none is the default; set default = true in one")
    if len(defaults) > 1:
        yield Problem("environments", f"{', '.join(defaults)} are each the default; keep default = true in one")


def _accounts(environments: Mapping[str, Any], accounts: Mapping[str, Any]) -> Iterator[Problem]:
    holders: dict[str, list[str]] = defaultdict(list)
    for environment, each in environments.items():
        section = f"environments.{environment}.account_numbers"
        numbers = each.get("account_numbers")
        numbers = numbers if isinstance(numbers, dict) else {}
        for name in accounts.keys() - numbers.keys():
            yield Problem(f"{section}.{name}", f"is missing; [accounts.{name}] is declared, give its number here")
        for name in numbers.keys() - accounts.keys():
            yield Problem(f"{section}.{name}", f"has a number but no limits; declare [accounts.{name}]")
        for name, number in numbers.items():
            holders[str(number)].append(f"{section}.{name}")

    for number, paths in holders.items():
        for path in paths[1:]:
            yield Problem(path, f"{number} is already {paths[0]}; one broker account has one trader")


def _rule_ids(sets: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    for name, rules in sets.items():
        kinds: dict[str, list[str]] = defaultdict(list)
        for kind in Kind:
            for rule in _tables(rules.get(kind)):
                kinds[rule].append(kind)
        for rule, used in kinds.items():
            if len(used) > 1:
                yield Problem(f"verification.{name}", f"{rule} is the id of {' and '.join(used)} rules; rename one")


def _environments_apart(environments: Mapping[str, Any]) -> Iterator[Problem]:
    for name in environments:
        for other in environments:
            if name.startswith(f"{other}-"):
                # A role that may touch `ops-pipeline-paper-*` would reach into `ops-pipeline-paper-two-…` as well.
                yield Problem(
                    f"environments.{name}", f"begins like {other}, whose roles would reach into it; rename it"
                )


def _services(document: Mapping[str, Any]) -> Iterator[Problem]:
    accounts, rule_sets = _tables(document.get("accounts")), _tables(document.get("verification"))
    runners: dict[tuple[str, str], str] = {}
    for name, each in _tables(document.get("services")).items():
        section = f"services.{name}"
        if name.endswith("-template"):
            yield Problem(section, "ends like the template of another; rename it")
        if isinstance(rules := each.get("rules"), str) and rules not in rule_sets:
            yield Problem(f"{section}.rules", f"no rule set is called {rules}; declare [verification.{rules}]")
        for account in _texts(each.get("accounts")):
            if account not in accounts:
                yield Problem(f"{section}.accounts", f"no account is called {account}; declare [accounts.{account}]")
            for command in _texts(each.get("command"))[:1]:
                first = runners.setdefault((command, account), name)
                if first != name:
                    yield Problem(section, f"{first} already does {command} for {account}; one of each is enough")


def _schedules(schedules: Mapping[str, Any], services: Mapping[str, Any]) -> Iterator[Problem]:
    for name, each in schedules.items():
        if isinstance(service := each.get("service"), str) and service not in services:
            yield Problem(f"schedules.{name}.service", f"no service is called {service}; declare [services.{service}]")


def _texts(value: Any) -> list[str]:
    """The texts in a list; what is no list of texts is somebody else's problem."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
