"""ECR: where images are pushed, and what the repository holds. Host and credentials are the API's, never guessed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops.aws.session import Aws, AwsError, Call, is_loopback
from ops.errors import Exit, OpsError
from ops.image.oci import digest_of
from ops.image.registry import Registry, RegistryError

AUTHORIZATION = Call("ecr", "GetAuthorizationToken", {})


def repository_call(name: str) -> Call:
    """Asks for a repository."""
    return Call("ecr", "DescribeRepositories", {"repositoryNames": [name]})


def image_call(repository: str, identity: Mapping[str, str]) -> Call:
    """Asks for one image, by `imageTag` or `imageDigest`."""
    return Call("ecr", "DescribeImages", {"repositoryName": repository, "imageIds": [dict(identity)]})


def content_call(repository: str, digest: str) -> Call:
    """Asks for an image's manifest."""
    identity = {"imageDigest": digest}
    return Call("ecr", "BatchGetImage", {"repositoryName": repository, "imageIds": [identity]})


def tag_call(repository: str, image: Mapping[str, Any], tag: str) -> Call:
    """Gives an image that is there one more tag."""
    request = {
        "repositoryName": repository,
        "imageManifest": image["imageManifest"],
        "imageTag": tag,
        "imageDigest": image["imageId"]["imageDigest"],
    }
    if media_type := image.get("imageManifestMediaType"):
        request["imageManifestMediaType"] = media_type
    return Call("ecr", "PutImage", request)


@dataclass(frozen=True, slots=True)
class EcrImages:
    """The images of one repository. The release engine's `ops.world.Images`."""

    aws: Aws
    repository: str

    def digest(self, tag: str) -> str | None:
        """The digest that the tag names; None when there is no such tag."""
        found = self._describe({"imageTag": tag})
        return None if found is None else str(found["imageDigest"])

    def has(self, digest: str) -> bool:
        """Whether the repository still has the image."""
        return self._describe({"imageDigest": digest}) is not None

    def tag(self, digest: str, tag: str) -> None:
        """Give the image one more tag; nothing happens when it has it already.

        Raises:
            OpsError: there is no such image, or the tag names another one and may not move.
        """
        answer = self.aws.ask(content_call(self.repository, digest))
        if not answer["images"]:
            raise OpsError(
                f"{self.repository} has no image {digest} any more",
                next_step="build and push it again from its commit; check the repository's lifecycle rules",
                exit_code=Exit.NOT_DONE,
            )
        try:
            self.aws.ask(tag_call(self.repository, answer["images"][0], tag))
        except AwsError as error:
            if error.code != "ImageAlreadyExistsException":
                raise

    def uri(self) -> str:
        """Host and name of the repository, as task definitions name it; a digest goes behind it with an @."""
        return str(self._described()["repositoryUri"])

    def registry(self) -> Registry:
        """The repository as something to push to.

        Raises:
            OpsError: there is no such repository, or it would be given its token over a plain connection.
        """
        self._described()
        data = self.aws.ask(AUTHORIZATION)["authorizationData"][0]
        endpoint = str(data["proxyEndpoint"])
        if not endpoint.startswith("https://") and not is_loopback(endpoint):
            raise OpsError(
                f"the registry {endpoint} would be given a token over a plain connection",
                next_step="point --endpoint-url at an endpoint whose registry speaks TLS or is on loopback",
            )
        return Registry(endpoint, self.repository, f"Basic {data['authorizationToken']}")

    def labels(self, digest: str) -> Mapping[str, str]:
        """What the image says about itself.

        Raises:
            OpsError: there is no such image.
        """
        registry = self.registry()
        content = registry.manifest(digest)
        if content is None or digest_of(content) != digest:
            raise RegistryError(f"reading {digest}", "the registry has no such image")
        config = json.loads(registry.blob(json.loads(content)["config"]["digest"]))
        labels: Mapping[str, str] = config.get("config", {}).get("Labels") or {}
        return labels

    def _describe(self, identity: Mapping[str, str]) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self.aws.ask(image_call(self.repository, identity))["imageDetails"][0]
        except AwsError as error:
            if error.code != "ImageNotFoundException":
                raise
            return None
        return found

    def _described(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self.aws.ask(repository_call(self.repository))["repositories"][0]
        except AwsError as error:
            if error.code != "RepositoryNotFoundException":
                raise
            raise OpsError(
                f"there is no image repository {self.repository}",
                next_step="deploy the registry stack first (cdk deploy), or name another environment with --env",
                exit_code=Exit.NOT_DONE,
            ) from error
        return found
