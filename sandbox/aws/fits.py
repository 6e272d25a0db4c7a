"""Patches that refuse to be applied where they no longer fit.

We change private functions of one exact version of ministack. Each change names what it expects to find: the name and
its signature. Another version that moved or reshaped it is refused at start, with the name, instead of failing later.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from types import ModuleType
from typing import Any

PINNED = "1.5.33"
"""The version of ministack every patch was written for."""


class PatchDoesNotFitError(RuntimeError):
    """What a patch expects is not there. Says what, and what to do next."""

    def __init__(self, where: str, expected: str, found: str) -> None:
        super().__init__(
            f"the patch of {where} expects {expected}, found {found}. "
            f"Next: install ministack=={PINNED} (found {version('ministack')}), or adapt the patch"
        )


@dataclass(frozen=True, slots=True)
class Patch:
    """One applied patch: where, what for, and how it is taken back."""

    where: str
    why: str
    take_back: Callable[[], None]


def function(module: ModuleType, name: str, new: Callable[..., Any], *, takes: str, why: str) -> Patch:
    """Replace a function of a module.

    Args:
        module: the module of ministack that holds it.
        name: its name there.
        new: what is called instead.
        takes: the signature the original must have, as `inspect.signature` prints it.
        why: what the original lacks, in a few words.

    Raises:
        PatchDoesNotFitError: the name is gone, or the signature is another.
    """
    where = f"{module.__name__}.{name}"
    original = getattr(module, name, None)
    found = str(inspect.signature(original)) if callable(original) else "nothing to call"
    if found != takes:
        raise PatchDoesNotFitError(where, f"a function taking {takes}", found)
    setattr(module, name, new)
    return Patch(where, why, lambda: setattr(module, name, original))


def constant(module: ModuleType, name: str, new: object, *, was: object, why: str) -> Patch:
    """Replace a module's constant whose value must be `was`.

    Raises:
        PatchDoesNotFitError: it is gone or has another value.
    """
    where = f"{module.__name__}.{name}"
    original = getattr(module, name, None)
    if original != was:
        raise PatchDoesNotFitError(where, repr(was), repr(original))
    setattr(module, name, new)
    return Patch(where, why, lambda: setattr(module, name, original))


def entries(module: ModuleType, name: str, new: Mapping[str, Any], *, why: str, known: bool = True) -> Patch:
    """Replace (`known`) or add entries of a dispatch table.

    Raises:
        PatchDoesNotFitError: the table is gone, an entry to replace is not in it, or one to add already is.
    """
    where = f"{module.__name__}.{name}"
    table = getattr(module, name, None)
    if not isinstance(table, dict):
        raise PatchDoesNotFitError(where, "a table", type(table).__name__)
    surprising = sorted(key for key in new if (key in table) is not known)
    if surprising:
        raise PatchDoesNotFitError(where, f"{', '.join(surprising)} {'' if known else 'not '}in it", "otherwise")
    before = dict(table)
    table.update(new)

    def take_back() -> None:
        table.clear()
        table.update(before)

    return Patch(f"{where}[{', '.join(sorted(new))}]", why, take_back)
