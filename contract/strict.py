"""Documents become frozen objects, or one error that lists everything wrong with them.

A declared document (`pipeline.toml`, the limits a service is started with, a rule set) is described once, as a frozen
dataclass. `build` reads a parsed document into it: an unknown key, a missing key, a wrong type and a value out of range
are all found in one pass and reported together, each with its path and the next step.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from decimal import Decimal
from difflib import get_close_matches
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from voluptuous import ALLOW_EXTRA, All, Invalid, MultipleInvalid, Optional, Range, Required, Schema

T = TypeVar("T")
Validator = Callable[[Any], Any]

POSITIVE = Range(min=0, min_included=False, msg="must be greater than 0")
NOT_NEGATIVE = Range(min=0, msg="must be 0 or more")
FRACTION = Range(min=0, max=1, min_included=False, msg="must be greater than 0 and at most 1")

PositiveInt = Annotated[int, POSITIVE]
NotNegativeInt = Annotated[int, NOT_NEGATIVE]
PositiveDecimal = Annotated[Decimal, POSITIVE]
Fraction = Annotated[Decimal, FRACTION]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong with a document: where (`accounts.large.limits`), what, and what to do."""

    path: str
    message: str

    def __str__(self) -> str:
        """The problem as one line."""
        return f"{self.path or 'the document'}: {self.message}"


class DocumentError(Exception):
    """The document cannot be used. Lists every problem found, not only the first."""

    def __init__(self, name: str, problems: tuple[Problem, ...]) -> None:
        self.name = name
        self.problems = problems
        noun = "problem" if len(problems) == 1 else "problems"
        super().__init__("\n  ".join([f"{name}: {len(problems)} {noun}", *map(str, problems)]))


def build(kind: type[T], document: object, *, name: str) -> T:
    """Read `document` (what a TOML or JSON parser gave) into the frozen dataclass `kind`.

    Args:
        kind: a frozen dataclass whose annotations are the schema: str, int, bool, Decimal, an Enum, another dataclass,
            `tuple[X, ...]`, `Mapping[str, X]`, `X | None`, and `Annotated[X, validator]`.
        document: the parsed document. Numbers with a fraction must have been parsed as Decimal.
        name: how the document is called in the error, for instance `pipeline.toml`.

    Raises:
        DocumentError: with every problem, sorted by path.
    """
    try:
        built: T = Schema(_validator(kind))(document)
    except MultipleInvalid as error:
        raise DocumentError(name, tuple(sorted({_problem(each) for each in error.errors}))) from error
    return built


def _problem(error: Invalid) -> Problem:
    return Problem(".".join(str(step) for step in error.path), error.msg)


def _validator(annotation: Any) -> Validator:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is not None:
        return _generic(origin, inner)
    if is_dataclass(annotation):
        return _dataclass(annotation)  # type: ignore[arg-type]  # a class, and every class has a hash
    if issubclass(annotation, Enum):
        return _enum(annotation)
    return _SCALARS[annotation]


def _generic(origin: Any, inner: tuple[Any, ...]) -> Validator:
    if origin is Annotated:
        return All(_validator(inner[0]), *inner[1:])
    if origin in {Union, UnionType}:
        return _optional(inner)
    if origin is tuple:
        return All(_list, [_validator(inner[0])], _frozen)
    return All(_table, {str: _validator(inner[1])})


@cache  # a process of a thousand accounts reads a thousand documents of one kind
def _dataclass(kind: Any) -> Validator:
    hints = get_type_hints(kind, include_extras=True)
    known = {field.name: field for field in fields(kind)}
    schema = Schema({_key(field): _validator(hints[name]) for name, field in known.items()}, extra=ALLOW_EXTRA)

    def refuse_unknown(table: dict[str, Any]) -> dict[str, Any]:
        unknown = [Invalid(_did_you_mean(key, known), path=[key]) for key in table if key not in known]
        if unknown:
            raise MultipleInvalid(unknown)
        return table

    def both(table: Any) -> Any:
        problems: list[Invalid] = []
        values: dict[str, Any] = {}
        for step in (refuse_unknown, schema):
            try:
                values = step(_table(table))
            except MultipleInvalid as error:
                problems += error.errors
        if problems:
            raise MultipleInvalid(problems)
        return _construct(kind, values)

    return both


def _key(field: Field[Any]) -> Any:
    optional = field.default is not MISSING or field.default_factory is not MISSING
    return Optional(field.name) if optional else Required(field.name, msg="is missing; add it")


def _construct(kind: Any, values: dict[str, Any]) -> Any:
    """Make the object; a `ValueError` from its `__post_init__` is a contradiction between its fields."""
    try:
        return kind(**values)
    except ValueError as error:
        raise Invalid(str(error)) from error


def _did_you_mean(key: str, known: Mapping[str, object]) -> str:
    near = get_close_matches(key, known, n=1)
    return f"unknown key; did you mean {near[0]}?" if near else f"unknown key; known are {', '.join(known)}"


def _optional(alternatives: tuple[Any, ...]) -> Validator:
    inner = Schema(_validator(next(each for each in alternatives if each is not NoneType)))
    return lambda value: None if value is None else inner(value)


def _enum(kind: type[Enum]) -> Validator:
    def check(value: Any) -> Enum:
        try:
            return kind(value)
        except ValueError:
            words = ", ".join(str(each.value) for each in kind)
            raise Invalid(f"{value!r} is none of {words}") from None

    return check


def _exactly(kind: type, word: str) -> Validator:
    def check(value: Any) -> Any:
        if type(value) is not kind:  # bool is an int to Python, not to us
            raise Invalid(f"{value!r} is not {word}")
        return value

    return check


def _decimal(value: Any) -> Decimal:
    if type(value) not in {int, Decimal} or not Decimal(value).is_finite():
        raise Invalid(f"{value!r} is not a decimal number")
    return Decimal(value)


def _frozen(items: list[Any]) -> tuple[Any, ...]:
    return tuple(items)


_table = _exactly(dict, "a table")
_list = _exactly(list, "a list")
_SCALARS: dict[Any, Validator] = {
    str: _exactly(str, "text"),
    int: _exactly(int, "a whole number"),
    bool: _exactly(bool, "true or false"),
    Decimal: _decimal,
    Any: lambda value: value,
}
