"""What each verb loads: the SDK costs more than most verbs do, and the CDK more than all of them together."""

import json
import subprocess
import sys
from functools import cache

import pytest

from ops.cli.root import VERBS

SDKS = {"boto3", "botocore", "s3transfer"}
CDK = {"aws_cdk", "constructs", "jsii", "cdk_nag"}
SERVICE_SIDE = {"alpaca", "psycopg", "alembic", "dispatcher"}
NOBODY = "http://127.0.0.1:9"
"""Discard: nothing answers there."""

_PROGRAM = """
import json, sys
from ops.__main__ import main
try:
    main()
except SystemExit as ended:
    code = ended.code
sys.stderr.write("\\n" + json.dumps({"code": code, "loaded": sorted({name.split(".")[0] for name in sys.modules})}))
"""


@cache
def loaded(*words: str) -> tuple[int, frozenset[str]]:
    """The exit code, and every top-level package that was loaded when the process ended."""
    ran = subprocess.run([sys.executable, "-c", _PROGRAM, *words], capture_output=True, text=True, check=True, input="")
    told = json.loads(ran.stderr.splitlines()[-1])
    return told["code"], frozenset(told["loaded"])


@pytest.mark.parametrize("verb", [each for each in VERBS if each != "rehearse"])
def test_the_help_of_a_verb_loads_no_sdk_no_cdk_and_nothing_of_the_service(verb: str) -> None:
    code, packages = loaded(verb, "--help")

    assert code == 0
    assert not packages & (SDKS | CDK | SERVICE_SIDE)


def test_the_rehearsal_loads_the_sandbox_and_no_cdk() -> None:
    """It is the one verb that opens the door to the sandbox, whose programs the SDK is needed for."""
    code, packages = loaded("rehearse", "--help")

    assert code == 0
    assert "sandbox" in packages
    assert not packages & CDK


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("--env", "nowhere", "status"), id="an environment that is not declared"),
        pytest.param(("deploy", "--service", "nobody"), id="a service that is not declared"),
        pytest.param(("logs", "--follow", "--json", "dispatcher-large"), id="what makes no sense"),
        pytest.param(("verify", "--replay", "-"), id="a replay"),
        pytest.param(("sandbox", "status"), id="the sandbox's own program"),
    ],
)
def test_whoever_asks_nothing_of_aws_does_not_pay_for_it(words: tuple[str, ...]) -> None:
    _, packages = loaded("--endpoint-url", NOBODY, *words)

    assert not packages & (SDKS | CDK)


def test_a_verb_that_asks_aws_loads_the_smaller_sdk_and_no_cdk() -> None:
    code, packages = loaded("--endpoint-url", NOBODY, "history")

    assert code == 1
    assert "botocore" in packages
    assert not packages & (CDK | {"boto3", "s3transfer"})
