import os
from pathlib import Path

import pytest
from botocore.exceptions import ParamValidationError

from ops.aws.sdk import SANDBOX_KEY
from ops.aws.session import Aws, AwsError, Call, NoAnswerError, connect, is_loopback
from ops.errors import Exit, OpsError, Unreachable
from tests.ops.aws.stubbed import NOWHERE, refuse, stubbed

CALL = Call("ecs", "ListTasks", {"cluster": "lamp"})


def test_a_refusal_says_what_was_asked_the_code_and_the_next_step() -> None:
    with stubbed("ecs") as (aws, stub):
        refuse(stub, "list_tasks", "AccessDeniedException", asked={"cluster": "lamp"})
        with pytest.raises(AwsError) as raised:
            aws.ask(CALL)

    assert raised.value.message == "ecs:ListTasks was refused: AccessDeniedException: the words of AWS"
    assert raised.value.next_step == "allow ecs:ListTasks to whom you run as, then run the same again"
    assert (raised.value.code, raised.value.exit_code) == ("AccessDeniedException", Exit.NOT_DONE)


@pytest.mark.parametrize(
    ("code", "next_step"),
    [
        ("ExpiredTokenException", "log in to AWS again (aws sso login, or fresh keys), then run the same again"),
        ("ThrottlingException", "wait a minute, then run the same again"),
        (
            "ClusterNotFoundException",
            "check account, region and names against what is deployed; ecs:ListTasks was asked for cluster=lamp",
        ),
    ],
)
def test_the_next_step_follows_from_the_code(code: str, next_step: str) -> None:
    with stubbed("ecs") as (aws, stub):
        refuse(stub, "list_tasks", code)
        with pytest.raises(AwsError) as raised:
            aws.ask(CALL)

    assert raised.value.next_step == next_step


def test_a_server_error_leaves_open_whether_it_was_done() -> None:
    with stubbed("ecs") as (aws, stub):
        refuse(stub, "list_tasks", "ServerException", status=500)
        with pytest.raises(Unreachable) as raised:
            aws.ask(CALL)

    assert raised.value.message == "ecs:ListTasks got no answer: ServerException: the words of AWS"


def test_nobody_at_the_endpoint_is_no_answer_and_says_how_to_start_one() -> None:
    with pytest.raises(NoAnswerError) as raised:
        Aws(endpoint_url=NOWHERE, region="us-west-2").ask(CALL)

    assert raised.value.message.startswith("ecs:ListTasks got no answer: Could not connect to the endpoint URL")
    assert raised.value.next_step == (
        f"start what should answer at {NOWHERE} (ops sandbox up), or correct AWS_ENDPOINT_URL"
    )


def test_a_request_that_no_service_model_knows_is_a_defect_of_ours() -> None:
    with pytest.raises(ParamValidationError):
        Aws(endpoint_url=NOWHERE, region="us-west-2").ask(Call("ecs", "ListTasks", {"clutter": "lamp"}))


def test_pages_are_followed_through_an_empty_one() -> None:
    with stubbed("ecs") as (aws, stub):
        stub.add_response("list_tasks", {"taskArns": ["a"], "nextToken": "2"}, {"cluster": "lamp"})
        stub.add_response("list_tasks", {"taskArns": [], "nextToken": "3"}, {"cluster": "lamp", "nextToken": "2"})
        stub.add_response("list_tasks", {"taskArns": ["b"]}, {"cluster": "lamp", "nextToken": "3"})

        assert [arn for page in aws.pages(CALL) for arn in page["taskArns"]] == ["a", "b"]


def test_a_stand_in_is_given_no_real_key_and_no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("[profile mine]\nregion = eu-north-1\naws_access_key_id = REAL\naws_secret_access_key = REAL\n")
    for name, value in {
        "AWS_PROFILE": "mine",
        "AWS_CONFIG_FILE": str(config),
        "AWS_ACCESS_KEY_ID": "REAL",
        "AWS_SECRET_ACCESS_KEY": "REAL",
        "AWS_SESSION_TOKEN": "REAL",
    }.items():
        monkeypatch.setenv(name, value)

    client = Aws(endpoint_url=NOWHERE, region="us-west-2").client("ecs")

    credentials = client._request_signer._credentials
    assert (credentials.access_key, credentials.secret_key, credentials.token) == (SANDBOX_KEY, SANDBOX_KEY, None)
    assert (client.meta.region_name, client.meta.endpoint_url) == ("us-west-2", NOWHERE)


def test_the_option_goes_before_the_variable_and_the_inventory_before_the_region_of_the_shell() -> None:
    environ = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_REGION": "eu-west-1"}

    given = connect(endpoint_url="http://127.0.0.1:2", region="us-west-2", environ=environ)
    left = connect(endpoint_url=None, region=None, environ=environ)

    assert (given.endpoint_url, given.region) == ("http://127.0.0.1:2", "us-west-2")
    assert (left.endpoint_url, left.region) == ("http://127.0.0.1:1", "eu-west-1")


@pytest.mark.parametrize("environ", [{}, {"AWS_ENDPOINT_URL": "https://aws.example"}])
def test_an_environment_of_this_machine_never_reaches_an_account(environ: dict[str, str]) -> None:
    with pytest.raises(OpsError, match=r"the environment is one of this machine, and .+ is not on it"):
        connect(endpoint_url=None, region="us-west-2", environ=environ, loopback_only=True)


def test_without_a_region_it_says_where_to_put_one() -> None:
    with pytest.raises(OpsError) as raised:
        connect(endpoint_url=None, region=None, environ={})

    assert raised.value.next_step == "give the environment a region in pipeline.toml, or set AWS_REGION"


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:4566", True),
        ("http://localhost:4566", True),
        ("http://[::1]:4566", True),
        ("https://ecs.us-west-2.amazonaws.com", False),
        ("http://127.0.0.1.example.com", False),
        (None, False),
    ],
)
def test_only_this_machine_is_a_loopback(url: str | None, loopback: bool) -> None:  # noqa: FBT001 - a case
    assert is_loopback(url) is loopback


def test_the_first_client_is_made_without_a_look_into_every_services_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    listdir = os.listdir

    def watched(path: str) -> list[str]:
        looked.append(str(path))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", watched)
    Aws(endpoint_url=NOWHERE, region="us-west-2").client("sts")

    assert 0 < len(looked) < 20
