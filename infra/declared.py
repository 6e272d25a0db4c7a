"""What is declared for one environment, as the stacks need it: one frozen object, made once, by the app."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from contract.inventory import EnvironmentKind, Inventory
from contract.limits import Limits
from contract.names import Names
from contract.place import BrokerHosts, Database, Place
from contract.verification import RuleSet
from contract.workload import Schedule, Service


class UndeclaredError(Exception):
    """The inventory does not say what a stack needs to know. Says what to declare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """One environment: where it stands, what runs in it, and how everything is called."""

    environment: str
    kind: EnvironmentKind
    place: Place
    account_numbers: Mapping[str, str]
    accounts: Mapping[str, Limits]
    services: Mapping[str, Service]
    schedules: Mapping[str, Schedule]
    rule_sets: Mapping[str, RuleSet]

    @property
    def names(self) -> Names:
        """The names of everything in the environment."""
        return Names(self.environment)

    @property
    def lasting(self) -> bool:
        """Whether a stack that holds something must be unlocked before it can be deleted."""
        return self.kind is EnvironmentKind.AWS

    def rules(self, service: str) -> RuleSet:
        """The rules that releases of the service are judged by."""
        return self.rule_sets[self.services[service].rules]


def of(inventory: Inventory, environment: str | None) -> Declared:
    """What the inventory declares for the environment; for the default one when none is named.

    Raises:
        UnknownNameError: there is no such environment.
        UndeclaredError: the environment has no place to stand.
    """
    name = inventory.default_environment() if environment is None else environment
    declared = inventory.environment(name)
    if declared.place is None:
        raise UndeclaredError(f"{name} has no place to stand; declare [environments.{name}.place]")
    return Declared(
        environment=name,
        kind=declared.kind,
        place=declared.place,
        account_numbers=declared.account_numbers,
        accounts=inventory.accounts,
        services=inventory.services,
        schedules=inventory.schedules,
        rule_sets=inventory.verification,
    )


def at(declared: Declared, *, database_url: str | None, broker_url: str | None) -> Declared:
    """The sandbox with the addresses that are known only once its parts run. None leaves what is declared.

    Raises:
        UndeclaredError: an address was given for an environment that is not the sandbox, or it is none.
    """
    if database_url is None and broker_url is None:
        return declared
    if declared.kind is not EnvironmentKind.SANDBOX:
        raise UndeclaredError(f"{declared.environment} is not the sandbox; its addresses are what the inventory says")
    place = declared.place
    if database_url is not None:
        place = replace(place, database=_database(database_url))
    if broker_url is not None:
        place = replace(place, broker=BrokerHosts(trading_url=broker_url, data_url=broker_url))
    return replace(declared, place=place)


def _database(url: str) -> Database:
    parts = urlsplit(url)
    name = parts.path.removeprefix("/")
    if parts.scheme != "postgresql" or not (parts.hostname and parts.port and parts.username and name):
        raise UndeclaredError(f"{url!r} is not postgresql://user@host:port/name")
    return Database(host=parts.hostname, port=parts.port, name=name, user=parts.username)
