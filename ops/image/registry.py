"""A registry as OCI's distribution protocol has it, over HTTP: what is there, and putting there what is not.

Nothing that comes back is believed before it hashes to its name. The authorization is in one header and nowhere else.
"""

import http.client
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import IO
from urllib.parse import urlencode, urljoin, urlsplit

from ops.errors import Exit, OpsError
from ops.image.oci import CONFIG, DOCKER_MANIFEST, MANIFEST, Blob, digest_of

SECONDS = 60
"""How long the registry may be silent."""
TRIES = 3

_ACCEPTED = f"{MANIFEST}, {DOCKER_MANIFEST}, {CONFIG}, */*"
_PASSING = {HTTPStatus.TOO_MANY_REQUESTS, *(each for each in HTTPStatus if each >= HTTPStatus.INTERNAL_SERVER_ERROR)}


class RegistryError(OpsError):
    """The registry said no, or nothing."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(
            f"{what}: {why}",
            next_step="run the same again (nothing is pushed twice); if it stays, check repository and permissions",
            exit_code=Exit.NOT_DONE,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def expect(self, *statuses: HTTPStatus, what: str) -> "Answer":
        """The answer, if it is one of these.

        Raises:
            RegistryError: it is another one; with the registry's own words.
        """
        if self.status not in statuses:
            raise RegistryError(what, f"answered {self.status} {self.body[:300].decode('utf-8', errors='replace')}")
        return self


@dataclass(frozen=True, slots=True)
class Registry:
    """One repository of one registry."""

    endpoint: str
    """`https://HOST`, as the ECR API says; plain http only on loopback."""
    repository: str
    authorization: str = field(repr=False)

    def has(self, blob: Blob) -> bool:
        """Whether the registry has the content."""
        answer = self._ask("HEAD", self._path(f"blobs/{blob.digest}"))
        return (
            answer.expect(HTTPStatus.OK, HTTPStatus.NOT_FOUND, what=f"asking for {blob.digest}").status == HTTPStatus.OK
        )

    def upload(self, blob: Blob, file: Path) -> None:
        """Put content there, and have the registry check its digest.

        Raises:
            RegistryError: it was not taken, three times.
        """
        for remaining in reversed(range(TRIES)):
            try:
                self._upload(blob, file)
            except RegistryError:
                if not remaining:
                    raise
            else:
                return

    def manifest(self, reference: str) -> bytes | None:
        """The manifest of a tag or digest as the registry has it; None when it has none."""
        answer = self._ask("GET", self._path(f"manifests/{reference}"))
        answer.expect(HTTPStatus.OK, HTTPStatus.NOT_FOUND, what=f"reading the manifest of {reference}")
        return answer.body if answer.status == HTTPStatus.OK else None

    def blob(self, digest: str) -> bytes:
        """A piece of content, which hashes to its name.

        Raises:
            RegistryError: it is not there, or is something else.
        """
        answer = self._ask("GET", self._path(f"blobs/{digest}"))
        moved = answer.headers.get("location")
        if moved and HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
            # The storage behind the registry is given no authorization: the address itself is signed.
            answer = _send("GET", urljoin(self.endpoint, moved), {}, None)
        content = answer.expect(HTTPStatus.OK, what=f"reading {digest}").body
        if digest_of(content) != digest:
            raise RegistryError(f"reading {digest}", f"the registry gave {digest_of(content)}")
        return content

    def put_manifest(self, tag: str, content: bytes, media_type: str) -> None:
        """Name an image whose content is there already.

        Raises:
            RegistryError: the registry refused; a tag that may not move, for instance.
        """
        headers = {"Content-Type": media_type}
        answer = self._ask("PUT", self._path(f"manifests/{tag}"), headers, content)
        answer.expect(HTTPStatus.CREATED, what=f"tagging {digest_of(content)} as {tag}")

    def _upload(self, blob: Blob, file: Path) -> None:
        what = f"uploading {blob.digest}"
        begun = self._ask("POST", self._path("blobs/uploads/")).expect(HTTPStatus.ACCEPTED, what=what)
        with file.open("rb") as content:
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(blob.size)}
            sent = self._send("PATCH", begun.headers["location"], headers, content)
        place = sent.expect(HTTPStatus.ACCEPTED, what=what).headers["location"]
        joint = "&" if urlsplit(place).query else "?"
        ended = self._send("PUT", f"{place}{joint}{urlencode({'digest': blob.digest})}", {"Content-Length": "0"}, None)
        ended.expect(HTTPStatus.CREATED, what=what)

    def _path(self, rest: str) -> str:
        return f"/v2/{self.repository}/{rest}"

    def _ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """Send a request that may be sent twice; one that fails in passing is."""
        for _ in range(TRIES - 1):
            try:
                answer = self._send(method, path, headers or {}, body)
            except RegistryError:
                continue
            if answer.status not in _PASSING:
                return answer
        return self._send(method, path, headers or {}, body)

    def _send(self, method: str, place: str, headers: Mapping[str, str], body: bytes | IO[bytes] | None) -> Answer:
        own = {"Authorization": self.authorization, "Accept": _ACCEPTED}
        return _send(method, urljoin(self.endpoint, place), {**own, **headers}, body)


def _send(method: str, url: str, headers: Mapping[str, str], body: bytes | IO[bytes] | None) -> Answer:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    with closing(kind(parts.netloc, timeout=SECONDS)) as connection:
        try:
            connection.request(method, target, body, dict(headers))
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise RegistryError(f"{method} {parts.netloc}{parts.path}", f"{type(error).__name__} {error}") from error
