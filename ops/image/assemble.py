"""Build an image without a container engine: two layers and a configuration."""

import json
from collections.abc import Mapping

from ops.errors import OpsError
from ops.image import probe
from ops.image.labels import NO_BASE, labels
from ops.image.layers import Laid, dependencies, host_platform, own_code
from ops.image.oci import CONFIG, MANIFEST, Blob, Layer, blobs_of, configuration, encoded, manifest
from ops.image.source import LOCK, Source, exported
from ops.image.store import Built, Store

NAME = "layers"
PACKAGES = ("contract", "dispatcher")


def assemble(source: Source, store: Store, platform: str | None) -> Built:
    """Build the image of a source as layers, and keep it.

    Same commit, lock, Python and platform give the same digest.

    Raises:
        OpsError: a dependency cannot be had, or the image does not import all of its modules.
    """
    own = host_platform()
    if platform not in {None, own}:
        raise OpsError(
            f"without a container engine an image is for this machine, {own}, and not for {platform}",
            next_step="build with an engine (--builder engine --base NAME@sha256:...), or on such a machine",
        )
    with exported(source) as export:
        below = dependencies(store, export / LOCK)
        code = own_code(store, export, PACKAGES)
    return _finish(source, store, below, code)


def _finish(source: Source, store: Store, below: Laid, code: Layer) -> Built:
    layers = (below.layer, code)
    known = store.built(source.tag)
    if known is not None and _made_of(known, store) == tuple(layer.blob for layer in layers):
        # The same files were asked already, and would say the same.
        built = _keep(source, store, layers, known.labels, network_off=known.network_off)
    else:
        built = _asked(source, store, below, code)
    store.remember(built)
    return built


def _asked(source: Source, store: Store, below: Laid, code: Layer) -> Built:
    with store.workshop() as workshop:
        program = probe.host_program(probe.unpacked(store, code, workshop), below)
        said = labels(source, base=NO_BASE, schema=probe.ask(program, workshop))
    return _keep(source, store, (below.layer, code), said, network_off=program.network_off)


def _made_of(built: Built, store: Store) -> tuple[Blob, ...]:
    """The layers of an image that was built."""
    return blobs_of(json.loads(store.manifest(built.digest)))[:-1]


def _keep(
    source: Source, store: Store, layers: tuple[Layer, ...], said: Mapping[str, str], *, network_off: bool
) -> Built:
    platform = host_platform()
    document = configuration(layers, said, build=source.tag, created=source.created, platform=platform)
    config = store.put(encoded(document), CONFIG)
    blobs = [layer.blob for layer in layers]
    kept = store.put(encoded(manifest(config, blobs)), MANIFEST)
    return Built(
        tag=source.tag,
        digest=kept.digest,
        platform=platform,
        revision=source.revision,
        dirty=source.dirty,
        builder=NAME,
        network_off=network_off,
        labels=said,
        size_bytes=sum(blob.size for blob in blobs),
    )
