"""CloudWatch Logs filter patterns: from their text to a question about a message. Pure.

Understood: the empty pattern; terms, `"phrases"`, `-excluded`, `?any ?of`, `%regular expressions%`; and JSON patterns,
`{ $.event = "x" && ($.status >= 400 || $.reason IS NULL) }`, with `*` in texts. Terms are found anywhere in a message,
and letters count as they are written. Not understood, and refused: patterns of space-delimited fields (`[ip, user]`).
"""

import json
import re
from collections.abc import Callable, Iterator
from operator import ge, gt, le, lt
from typing import Any

Matches = Callable[[str], bool]
_Holds = Callable[[Any], bool]
_ABSENT = object()
_TERM = re.compile(r'([?-]?)("(?:[^"\\]|\\.)*"|%(?:[^%\\]|\\.)+%|[^\s"%]+)(?=\s|$)')
_TOKEN = re.compile(
    r'\s*(&&|\|\||!=|<=|>=|[=<>(){}]|"(?:[^"\\]|\\.)*"|%(?:[^%\\]|\\.)+%|\$(?:\.[^\s.\[\]=!<>(){}]+|\[\d+\])+|[^\s=!<>(){}]+)'
)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_ORDER = {"<": lt, "<=": le, ">": gt, ">=": ge}
_IS: dict[str, _Holds] = {
    "NULL": lambda value: value is None,
    "TRUE": lambda value: value is True,
    "FALSE": lambda value: value is False,
}


class PatternError(ValueError):
    """A filter pattern that cannot be read. Says where."""


def compiled(pattern: str) -> Matches:
    """The question a filter pattern asks of a message.

    Raises:
        PatternError: the text is no pattern, or one of a kind that is not understood here.
    """
    text = pattern.strip()
    if not text:
        return lambda _message: True
    if text.startswith("["):
        raise PatternError("patterns of space-delimited fields are not understood here")
    return _json(text) if text.startswith("{") else _terms(text)


def field(message: str, selector: str) -> Any:
    """The value a selector (`$.a.b[0]`) finds in a message of JSON; None when it finds nothing."""
    value = _found(_parsed(message), selector)
    return None if value is _ABSENT else value


def _terms(text: str) -> Matches:
    signed = _split(text)
    wanted = [_term(term) for sign, term in signed if not sign]
    unwanted = [_term(term) for sign, term in signed if sign == "-"]
    # Optional terms count only when they stand alone.
    optional = [] if wanted or unwanted else [_term(term) for sign, term in signed if sign == "?"]

    def matches(message: str) -> bool:
        if any(each(message) for each in unwanted) or not all(each(message) for each in wanted):
            return False
        return not optional or any(each(message) for each in optional)

    return matches


def _split(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    place = 0
    while place < len(text):
        match = _TERM.match(text, place)
        if not match:
            raise PatternError(f"cannot be read from {text[place:]!r} on; put what is not a word into quotes")
        found.append((match[1], match[2]))
        place = match.end() + len(text[match.end() :]) - len(text[match.end() :].lstrip())
    return found


def _term(text: str) -> Matches:
    if text.startswith("%"):
        expression = _regex(text)
        return lambda message: expression.search(message) is not None
    word = _unquoted(text)
    return lambda message: word in message


def _regex(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text[1:-1])
    except re.error as error:
        raise PatternError(f"{text}: {error}") from error


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


def _json(text: str) -> Matches:
    reader = _Reader(list(_tokens(text)))
    reader.take("{")
    holds = reader.either()
    reader.take("}")
    reader.end()

    def matches(message: str) -> bool:
        document = _parsed(message)
        return document is not _ABSENT and holds(document)

    return matches


def _parsed(message: str) -> Any:
    try:
        return json.loads(message)
    except ValueError:
        return _ABSENT


def _tokens(text: str) -> Iterator[str]:
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if not match:
            raise PatternError(f"cannot be read from {text[place:]!r} on")
        yield match[1]
        place = match.end()


class _Reader:
    """Reads the tokens of a JSON pattern, one grammar rule per method."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens

    def either(self) -> _Holds:
        return self._joined("||", self._both, any)

    def take(self, wanted: str) -> None:
        if not self._next_is(wanted):
            raise PatternError(f"expected {wanted}, found {self._tokens[0] if self._tokens else 'the end'}")

    def end(self) -> None:
        if self._tokens:
            raise PatternError(f"{' '.join(self._tokens)} follows the end")

    def _both(self) -> _Holds:
        return self._joined("&&", self._one, all)

    def _joined(self, word: str, part: Callable[[], _Holds], combine: Callable[[Iterator[bool]], bool]) -> _Holds:
        parts = [part()]
        while self._next_is(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else lambda document: combine(each(document) for each in parts)

    def _one(self) -> _Holds:
        if self._next_is("("):
            inner = self.either()
            self.take(")")
            return inner
        selector, word = self._word(), self._word()
        if not selector.startswith("$"):
            raise PatternError(f"expected a selector such as $.event, found {selector}")
        test = self._test(word)
        return lambda document: test(_found(document, selector))

    def _test(self, word: str) -> _Holds:
        if word.upper() == "IS":
            known: _Holds = self._known(_IS, self._word().upper())
            return known
        if word.upper() == "NOT":
            self._known({"EXISTS": lambda _value: True}, self._word().upper())
            return lambda value: value is _ABSENT
        if word in {"=", "!="}:
            equal = _equals(self._word())
            return equal if word == "=" else lambda value: value is not _ABSENT and not equal(value)
        return _ordered(self._known(_ORDER, word), self._word())

    def _known(self, table: dict[str, Any], word: str) -> Any:
        if word not in table:
            raise PatternError(f"expected one of {', '.join(table)}, found {word}")
        return table[word]

    def _word(self) -> str:
        if not self._tokens:
            raise PatternError("ends too early")
        return self._tokens.pop(0)

    def _next_is(self, wanted: str) -> bool:
        if self._tokens and self._tokens[0] == wanted:
            self._tokens.pop(0)
            return True
        return False


def _equals(text: str) -> _Holds:
    if text.startswith("%"):
        expression = _regex(text)
        return lambda value: isinstance(value, str) and expression.search(value) is not None
    if (number := _number(text)) is not None:
        return lambda value: _is_number(value) and value == number
    like = re.compile(".*".join(re.escape(part) for part in _unquoted(text).split("*")), re.DOTALL)
    return lambda value: isinstance(value, str) and like.fullmatch(value) is not None


def _ordered(compare: Callable[[Any, Any], Any], text: str) -> _Holds:
    number = _number(text)
    if number is None:
        raise PatternError(f"expected a number, found {text}")
    return lambda value: _is_number(value) and bool(compare(value, number))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _found(document: Any, selector: str) -> Any:
    value = document
    for name, index in _STEP.findall(selector):
        try:
            value = value[name] if name else value[int(index)]
        except (KeyError, IndexError, TypeError):
            return _ABSENT
    return value
