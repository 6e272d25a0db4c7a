"""The environment variables and secret keys of the service image. It reads its settings from nowhere else."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable: its name, what it means, whether it must be set."""

    name: str
    meaning: str
    required: bool = True
    default: str = ""


class ExecutionMode(StrEnum):
    """Which broker executes. There is no third one, and no way from one to the other while running."""

    ALPACA_PAPER = "ALPACA_PAPER"
    """Orders go to the broker's paper account."""
    SIMULATED = "SIMULATED"
    """Orders are filled by our own simulation; chosen by configuration, never fallen into."""


DATABASE_URL = Variable(
    "DATABASE_URL", "PostgreSQL connection, without a password: `postgresql://user@host:port/name`."
)
DATABASE_PASSWORD = Variable("DATABASE_PASSWORD", "The database role's password (a secret).")
ALPACA_BASE_URL = Variable("ALPACA_BASE_URL", "Trading API: the broker's paper host or loopback.")
ALPACA_DATA_URL = Variable("ALPACA_DATA_URL", "Market data API: the broker's data host (GET only) or loopback.")
ALPACA_STREAM_URL = Variable(
    "ALPACA_STREAM_URL",
    "Stream of trade updates: the broker's paper host or loopback. Without one, `/stream` at `ALPACA_BASE_URL`.",
    required=False,
)
TRADING_ACCOUNTS = Variable("TRADING_ACCOUNTS", "Comma-separated names of the accounts this process serves.")
EXECUTION_MODE = Variable("EXECUTION_MODE", "`ALPACA_PAPER` or `SIMULATED`.")
SERVICE_NAME = Variable("SERVICE_NAME", "The name this process logs under.", required=False, default="dispatcher")
BUILD_REVISION = Variable("BUILD_REVISION", "Git revision baked into the image.", required=False, default="unbuilt")
CONTROL_TABLE = Variable(
    "CONTROL_TABLE",
    "DynamoDB table with the kill switch. Without one, the declared trading state is all there is.",
    required=False,
)
SCHEMA_PARAMETER = Variable(
    "SCHEMA_PARAMETER",
    "SSM parameter to which `migrate` publishes the schema's range. Without one, it is only printed.",
    required=False,
)
HEALTH_FILE = Variable("HEALTH_FILE", "Written with each sign of life; read by `health`.")
HEARTBEAT_SECONDS = Variable("HEARTBEAT_SECONDS", "Seconds between heartbeats.", required=False, default="30")

VARIABLES = (
    DATABASE_URL,
    DATABASE_PASSWORD,
    ALPACA_BASE_URL,
    ALPACA_DATA_URL,
    ALPACA_STREAM_URL,
    TRADING_ACCOUNTS,
    EXECUTION_MODE,
    CONTROL_TABLE,
    SCHEMA_PARAMETER,
    SERVICE_NAME,
    BUILD_REVISION,
    HEALTH_FILE,
    HEARTBEAT_SECONDS,
)


def broker_secret(account: str) -> Variable:
    """The variable that holds an account's broker secret: JSON with the keys of `SECRET_KEYS`."""
    return Variable(f"ALPACA_SECRET_{_suffix(account)}", "Broker secret of the account, as JSON (a secret).")


def limits_document(account: str) -> Variable:
    """The variable that holds an account's limits: the JSON of `contract.limits.Limits.document`."""
    return Variable(f"TRADING_LIMITS_{_suffix(account)}", "Limits of the account, as JSON.")


def account_number(account: str) -> Variable:
    """The variable that holds the broker's number of the account, as declared: the account's identity."""
    return Variable(f"ACCOUNT_NUMBER_{_suffix(account)}", "The broker's number of the account, as declared.")


SECRET_KEYS = ("api_key", "api_secret", "account_name", "base_url")
"""Keys of a broker secret, in the original's shape."""


def _suffix(account: str) -> str:
    return account.upper().replace("-", "_")
