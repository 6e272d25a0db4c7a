"""Build an image with a container engine, by `dispatcher/Dockerfile`.

The engine's image is taken out of it as an OCI image, so that its digest is known before anything is pushed, and one
way of pushing serves both builders.
"""

import gzip
import json
import os
import shutil
import tarfile
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from ops.errors import Exit, OpsError
from ops.image import probe
from ops.image.labels import labels
from ops.image.layers import Hashing, host_platform
from ops.image.oci import CONFIG, LAYER, MANIFEST, Blob, Layer, encoded, manifest
from ops.image.source import Source, exported
from ops.image.store import Built, Store
from ops.programs import attempt, run

NAME = "engine"
ENGINE = "docker"
DOCKERFILE = Path("dispatcher/Dockerfile")
LOCAL = "ops-pipeline/dispatcher"
"""What the engine calls the image; nobody else does."""

_ANSWER_SECONDS = 10
_GZIP = b"\x1f\x8b"


def answers() -> bool:
    """Whether there is a container engine, and it answers."""
    if shutil.which(ENGINE) is None:
        return False
    return attempt([ENGINE, "version", "--format", "{{.Server.Version}}"], seconds=_ANSWER_SECONDS).code == 0


def build_words(
    source: Source, export: Path, said: dict[str, str], *, base: str, platform: str | None, network: str | None
) -> list[str]:
    """The command that builds the image, and prints its id."""
    arguments = {"BASE": base, "BUILD_REVISION": source.tag}
    return [
        *(ENGINE, "build", "--quiet", "--file", str(export / DOCKERFILE), "--tag", f"{LOCAL}:{source.tag}"),
        *(("--platform", platform) if platform else ()),
        *(("--network", network) if network else ()),
        *(word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")),
        *(word for name, value in said.items() for word in ("--label", f"{name}={value}")),
        str(export),
    ]


def probe_words(image: str) -> tuple[str, ...]:
    """The command that runs the image's Python as a service runs it: no network, nothing writable."""
    return (ENGINE, "run", "--rm", "--network", "none", "--read-only", "--entrypoint", "python", image)


def build(source: Source, store: Store, *, base: str, platform: str | None, network: str | None) -> Built:
    """Build the image of a source with the engine, and keep it.

    Args:
        source: what is built.
        store: where the image is kept.
        base: the base image, `NAME@sha256:…` for anything that leaves this machine.
        platform: for another one than the engine's own.
        network: the engine's network for the steps of the build, where its default has no way out.

    Raises:
        OpsError: a step of the build failed, or the image does not import all of its modules.
    """
    with exported(source) as export, store.workshop() as workshop:

        def made(said: dict[str, str]) -> str:
            words = build_words(source, export, said, base=base, platform=platform, network=network)
            return run(words).text.splitlines()[-1]

        # Only the image knows its schema, so it is built, asked, and built again with the answer as a label: the
        # second time every step is the engine's cached one.
        first = made(labels(source, base=base, schema=None))
        said = labels(source, base=base, schema=probe.ask(_program(first), workshop))
        built = _taken_out(source, store, workshop, made(said), said)
    store.remember(built)
    return built


def _program(image: str) -> probe.Program:
    return probe.Program(probe_words(image), dict(os.environ), network_off=True)


def _taken_out(source: Source, store: Store, workshop: Path, image: str, said: dict[str, str]) -> Built:
    """The engine's image as an OCI image. Its configuration stays byte for byte: its digest is the engine's id."""
    saved = workshop / "saved.tar"
    run([ENGINE, "save", "--output", str(saved), image])
    with tarfile.open(saved) as files:
        table = json.loads(_member(files, "manifest.json").read())[0]
        raw = _member(files, table["Config"]).read()
        document = json.loads(raw)
        diff_ids = document["rootfs"]["diff_ids"]
        layers = [
            _layer(store, workshop, diff_id, _member(files, name))
            for diff_id, name in zip(diff_ids, table["Layers"], strict=True)
        ]
    blobs = [layer.blob for layer in layers]
    kept = store.put(encoded(manifest(store.put(raw, CONFIG), blobs)), MANIFEST)
    return Built(
        tag=source.tag,
        digest=kept.digest,
        platform=f"{document.get('os', 'linux')}/{document.get('architecture', host_platform())}",
        revision=source.revision,
        dirty=source.dirty,
        builder=NAME,
        network_off=True,
        labels=said,
        size_bytes=sum(blob.size for blob in blobs),
    )


def _layer(store: Store, workshop: Path, diff_id: str, content: IO[bytes]) -> Layer:
    """A layer of the engine's, compressed. Compressed once: the next build finds it by the digest of its content."""
    note = store.home / "layers" / f"{diff_id.replace(':', '-')}.json"
    if note.exists():
        known = Layer(Blob(**json.loads(note.read_text("utf-8"))), diff_id)
        if store.has(known.blob):
            return known
    file = workshop / "layer"
    with file.open("wb") as target:
        layer = _compressed(content, target)
    if layer.diff_id != diff_id:
        raise OpsError(
            f"the engine gave a layer {layer.diff_id} for {diff_id}",
            next_step="build again; if it stays, the engine's storage is damaged",
            exit_code=Exit.NOT_DONE,
        )
    store.adopt(file, layer.blob)
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(asdict(layer.blob)), "utf-8")
    return layer


def _compressed(content: IO[bytes], target: IO[bytes]) -> Layer:
    stored = Hashing(target)
    with gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=stored, mtime=0) as packed:
        inside = Hashing(packed)
        shutil.copyfileobj(_plain(content), inside)
    return Layer(Blob(LAYER, stored.digest, stored.size), inside.digest)


def _plain(content: IO[bytes]) -> IO[bytes]:
    """The layer uncompressed: some engines save it as they pulled it."""
    compressed = content.read(len(_GZIP)) == _GZIP
    content.seek(0)
    return gzip.GzipFile(fileobj=content) if compressed else content  # type: ignore[return-value] # it reads the same


def _member(files: tarfile.TarFile, name: str) -> IO[Any]:
    found = files.extractfile(name)
    if found is None:
        raise OpsError(f"the engine's image has no {name}", next_step="build again", exit_code=Exit.NOT_DONE)
    return found
