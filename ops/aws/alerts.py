"""The topic of everything that a person must hear of."""

from ops.aws.identity import IDENTITY
from ops.aws.session import Aws, Call

SUBJECT_MOST = 100
"""Characters that a subject may have."""


def publish_call(topic: str, subject: str, text: str) -> Call:
    """Tells everybody who listens."""
    line = " ".join(subject.split()).encode("ascii", "replace").decode("ascii")  # SNS takes one line of ASCII
    return Call("sns", "Publish", {"TopicArn": topic, "Subject": line[:SUBJECT_MOST], "Message": text})


class AwsAlerts:
    """The release engine's `ops.world.Alerts`."""

    def __init__(self, aws: Aws, topic: str) -> None:
        self._aws = aws
        self._topic = topic

    def send(self, subject: str, text: str) -> None:
        """Tell everybody who listens to the topic.

        Raises:
            OpsError: it was not sent, or nobody knows.
        """
        account = self._aws.ask(IDENTITY)["Account"]
        topic = f"arn:aws:sns:{self._aws.region}:{account}:{self._topic}"
        self._aws.ask(publish_call(topic, subject, text))
