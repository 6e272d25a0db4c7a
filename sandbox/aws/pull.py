"""Pull an image over the registry protocol, by tag or by digest, and believe nothing that does not hash to its name."""

import hashlib
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.aws.images import CONFIG, MANIFEST
from sandbox.aws.runner import CannotPullError

_DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an image is made of."""

    digest: str
    config: Mapping[str, Any]
    """Its `config` part: Entrypoint, Cmd, Env, WorkingDir, User, Labels."""
    layers: tuple[str, ...]
    """The digests of its layers, the lowest first."""


@dataclass(frozen=True, slots=True)
class Reference:
    """`host/name:tag` or `host/name@digest`, taken apart."""

    host: str
    name: str
    version: str

    @classmethod
    def of(cls, image: str) -> "Reference":
        """Read an image's name as the container engines do."""
        rest, _, digest = image.partition("@")
        host, _, name = rest.partition("/")
        tag = "latest"
        if ":" in name:
            name, _, tag = name.rpartition(":")
        return cls(host, name, digest or tag)


@dataclass(frozen=True, slots=True)
class Source:
    """The one registry images are pulled from."""

    host: str
    token: str = field(repr=False)

    def fetch(self, image: str) -> Fetched:
        """Pull an image's manifest and configuration.

        Raises:
            CannotPullError: it is somewhere else, not there, or not what its name says.
        """
        wanted = Reference.of(image)
        if wanted.host != self.host:
            raise CannotPullError(f"{_FAILED} {image}: this machine knows no registry but {self.host}")
        raw = self._get(wanted, f"manifests/{wanted.version}", image)
        digest = "sha256:" + hashlib.sha256(raw).hexdigest()
        if wanted.version.startswith("sha256:") and digest != wanted.version:
            raise CannotPullError(f"{_FAILED} {image}: its manifest hashes to {digest}")
        manifest = json.loads(raw)
        if "config" not in manifest:
            raise CannotPullError(f"{_FAILED} {image}: an index of several platforms is not supported here")
        config = json.loads(self._blob(wanted, manifest["config"]["digest"], image))
        return Fetched(digest, config.get("config") or {}, tuple(row["digest"] for row in manifest["layers"]))

    def layer(self, image: str, digest: str) -> bytes:
        """Pull one layer of an image.

        Raises:
            CannotPullError: it is not there, or not what its name says.
        """
        return self._blob(Reference.of(image), digest, image)

    def _blob(self, wanted: Reference, digest: str, image: str) -> bytes:
        content = self._get(wanted, f"blobs/{digest}", image)
        if "sha256:" + hashlib.sha256(content).hexdigest() != digest:
            raise CannotPullError(f"{_FAILED} {image}: the content of {digest} is not what its name says")
        return content

    def _get(self, wanted: Reference, what: str, image: str) -> bytes:
        connection = http.client.HTTPConnection(self.host, timeout=_SECONDS)
        accept = f"{MANIFEST}, {_DOCKER_MANIFEST}, {CONFIG}, */*"
        try:
            headers = {"Authorization": f"Basic {self.token}", "Accept": accept}
            connection.request("GET", f"/v2/{wanted.name}/{what}", headers=headers)
            answer = connection.getresponse()
            content = answer.read()
        except OSError as error:
            raise CannotPullError(f"{_FAILED} {image}: {error}") from error
        finally:
            connection.close()
        if answer.status == http.client.NOT_FOUND:
            raise CannotPullError(f"{_FAILED} {image}: not found")
        if answer.status != http.client.OK:
            raise CannotPullError(f"{_FAILED} {image}: unexpected status {answer.status}")
        return content


_FAILED = "pull image manifest has been retried 1 time(s): failed to resolve ref"
