"""Derive the facts the exchange is tested on from Alpaca's OpenAPI documents.

    python derive_facts.py TRADING.yaml MARKET-DATA.yaml > facts.json

A fact is [where, field, types, enum, required]: where it stands ("query", "body" or the status of
an answer), the field's path, its JSON types, its allowed values, whether it must be there. Facts
only; none of the documents' sentences.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

METHODS = ("get", "post", "put", "patch", "delete")
DEEPEST = 3
Schema = dict[str, Any]
Fact = tuple[str, str, list[str], list[object], bool]


class Document:
    """One OpenAPI document."""

    def __init__(self, path: Path) -> None:
        self._tree: Schema = yaml.safe_load(path.read_text(encoding="utf-8"))

    def resolved(self, schema: Schema) -> Schema:
        """Follow a reference to what it names."""
        while "$ref" in schema:
            found: Any = self._tree
            for step in schema["$ref"].removeprefix("#/").split("/"):
                found = found[step.replace("~1", "/")]
            schema = found
        return schema

    def operations(self) -> Iterator[tuple[str, list[Fact]]]:
        """Give every operation and its facts."""
        for path, item in self._tree["paths"].items():
            for method in METHODS:
                if method in item:
                    facts = sorted(self._facts(item, item[method]), key=lambda f: f[:2])
                    yield f"{method.upper()} {path}", facts

    def _facts(self, item: Schema, operation: Schema) -> Iterator[Fact]:
        for given in (*item.get("parameters", []), *operation.get("parameters", [])):
            parameter = self.resolved(given)
            if parameter["in"] == "query":
                schema = self.resolved(parameter["schema"])
                required = bool(parameter.get("required"))
                yield "query", parameter["name"], self._types(schema), self._enum(schema), required
        body = operation.get("requestBody")
        if body:
            yield from self._content("body", self.resolved(body))
        for status, answer in operation["responses"].items():
            if status.startswith("2"):
                yield from self._content(status, self.resolved(answer))

    def _content(self, where: str, holder: Schema) -> Iterator[Fact]:
        content = holder.get("content", {}).get("application/json")
        if content:
            schema = self.resolved(content["schema"])
            yield where, "", self._types(schema), [], True
            yield from self._fields(where, "", schema, 0)

    def _fields(self, where: str, prefix: str, schema: Schema, depth: int) -> Iterator[Fact]:
        schema = self.resolved(schema)
        if depth > DEEPEST or "anyOf" in schema or "oneOf" in schema:
            return
        if "items" in schema:
            yield from self._fields(where, prefix + "[]", schema["items"], depth)
        if isinstance(schema.get("additionalProperties"), dict):
            yield from self._fields(where, prefix + "{}", schema["additionalProperties"], depth)
        required = schema.get("required", [])
        for name, given in schema.get("properties", {}).items():
            inner = self.resolved(given)
            path = f"{prefix}.{name}".lstrip(".")
            yield where, path, self._types(inner), self._enum(inner), name in required
            yield from self._fields(where, path, inner, depth + 1)

    @staticmethod
    def _types(schema: Schema) -> list[str]:
        given = schema.get("type", [])
        types = [given] if isinstance(given, str) else given
        return sorted([*types, "null"] if schema.get("nullable") and types else types)

    @staticmethod
    def _enum(schema: Schema) -> list[object]:
        return list(schema.get("enum", []))


def main(paths: list[str]) -> None:
    operations = dict(sorted(pair for path in paths for pair in Document(Path(path)).operations()))
    lines = [
        f" {json.dumps(name)}: [\n  " + ",\n  ".join(json.dumps(fact) for fact in facts) + "\n ]"
        if facts
        else f" {json.dumps(name)}: []"
        for name, facts in operations.items()
    ]
    sys.stdout.write("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
