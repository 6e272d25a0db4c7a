"""`ops logs` over a real endpoint, on lines that the test puts there."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from contract.names import Names
from ops.aws.session import Aws, Call
from ops.cli.root import ops
from sandbox.aws.run import running

pytestmark = pytest.mark.world

SERVICE = "dispatcher-large"
NAMES = Names("sandbox")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """An endpoint with the logs of two tasks, and with no service."""
    with running() as local:
        aws = Aws(endpoint_url=local.url, region=local.settings.region)
        group = {"logGroupName": NAMES.log_group(SERVICE)}
        aws.ask(Call("logs", "CreateLogGroup", group))
        now = int(time.time() * 1000)
        for task, texts in {"aaaa": ["old", "first", "sec\x1bond"], "bbbb": ["other"]}.items():
            stream = {**group, "logStreamName": NAMES.log_stream(SERVICE, task)}
            aws.ask(Call("logs", "CreateLogStream", stream))
            ages = (2 * 3600_000, 2_000, 1_000)
            events = [{"timestamp": now - age, "message": text} for age, text in zip(ages, texts, strict=False)]
            aws.ask(Call("logs", "PutLogEvents", {**stream, "logEvents": events}))
        yield local.url


@pytest.fixture(autouse=True)
def nothing_of_the_shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("OPS_HOME", str(tmp_path))


def run(url: str, *words: str) -> Result:
    return CliRunner().invoke(ops, ["--endpoint-url", url, *words])


def test_the_lines_of_a_task_and_of_no_other(url: str) -> None:
    result = run(url, "logs", SERVICE, "--task", "aaaa")

    assert (result.exit_code, result.stdout) == (0, "first\nsec\x1bond\n")


def test_how_far_back_is_said(url: str) -> None:
    assert run(url, "logs", SERVICE, "--task", "aaaa", "--since", "3h").stdout == "old\nfirst\nsec\x1bond\n"


def test_the_json_of_a_log(url: str) -> None:
    document = json.loads(run(url, "--json", "logs", SERVICE, "--task", "aaaa").stdout)

    assert document["service"] == SERVICE
    assert [(line["task"], line["text"]) for line in document["lines"]] == [("aaaa", "first"), ("aaaa", "sec\x1bond")]


def test_a_task_that_never_was_has_no_lines(url: str) -> None:
    result = run(url, "logs", SERVICE, "--task", "cccc")

    assert (result.exit_code, result.stdout) == (0, "")


@pytest.mark.parametrize(
    ("words", "exit_code", "message"),
    [
        (["logs", SERVICE], 1, f"nothing of {SERVICE} runs: it is not deployed"),
        (["verify", SERVICE], 1, f"nothing of {SERVICE} runs: it is not deployed"),
        (["logs", "lamp"], 2, "no service is called lamp"),
        (["--json", "logs", SERVICE, "--follow"], 2, "one JSON object cannot go on"),
        (["push"], 1, "nothing was built under the tag "),
    ],
)
def test_what_cannot_be_shown_is_told(url: str, words: list[str], exit_code: int, message: str) -> None:
    result = run(url, *words)

    assert result.exit_code == exit_code
    assert message in result.stdout + result.stderr
    assert result.stdout == "" or json.loads(result.stdout)["error"]["next"]
