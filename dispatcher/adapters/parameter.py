"""The parameter in which `ops` reads what a migration left behind."""

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from dispatcher.ports import ControlUnavailableError

SECONDS = 5


def publish(parameter: str, value: str) -> None:
    """Write an SSM parameter, whether or not it is there.

    Raises:
        ControlUnavailableError: it may not have been written.
    """
    config = Config(connect_timeout=SECONDS, read_timeout=SECONDS, retries={"mode": "standard", "max_attempts": 3})
    try:
        client = Session().create_client("ssm", config=config)
        client.put_parameter(Name=parameter, Value=value, Type="String", Overwrite=True)
    except (BotoCoreError, ClientError) as error:
        raise ControlUnavailableError(f"{parameter}: {error}") from error
