"""What a service's container is told: the environment variables that `contract.environment` names, and no others."""

from collections.abc import Mapping
from dataclasses import dataclass

from contract import environment
from contract.names import health_file
from infra.declared import Declared
from infra.postgres import PostgresAddress

PASSWORD_KEY = "password"  # noqa: S105  the name of a key, not a password


@dataclass(frozen=True, slots=True)
class Told:
    """Plain variables by name, and which secret fills the others."""

    plain: Mapping[str, str]
    database_secret: str
    """The variable that the database secret's PASSWORD_KEY fills."""
    broker_secrets: Mapping[str, str]
    """The variable that an account's broker secret fills, whole, by account."""


def told(declared: Declared, service: str, database: PostgresAddress) -> Told:
    """What the service is told. Its accounts' limits, numbers and keys, and no other account's."""
    what, place = declared.services[service], declared.place
    plain = {
        environment.SERVICE_NAME: service,
        environment.TRADING_ACCOUNTS: ",".join(what.accounts),
        environment.EXECUTION_MODE: place.execution_mode.value,
        environment.DATABASE_URL: database.url,
        environment.ALPACA_BASE_URL: place.broker.trading_url,
        environment.ALPACA_DATA_URL: place.broker.data_url,
        environment.CONTROL_TABLE: declared.names.control_table,
        environment.SCHEMA_PARAMETER: declared.names.schema_head,
        environment.HEALTH_FILE: health_file(service),
        environment.HEARTBEAT_SECONDS: str(what.heartbeat_seconds),
    }
    for account in what.accounts:
        plain[environment.limits_document(account)] = declared.accounts[account].document()
        plain[environment.account_number(account)] = declared.account_numbers[account]
    return Told(
        plain={variable.name: value for variable, value in plain.items()},
        database_secret=environment.DATABASE_PASSWORD.name,
        broker_secrets={account: environment.broker_secret(account).name for account in what.accounts},
    )
