"""The script that derives the facts, on a small document of our own: what it keeps, follows and leaves out."""

import json
from pathlib import Path

import pytest

from tests.sandbox.exchange import derive_facts

DOCUMENT = """
paths:
  /v2/things:
    parameters:
      - {in: header, name: X-Key, schema: {type: string}}
    get:
      parameters:
        - $ref: '#/components/parameters/sort'
        - {in: query, name: limit, required: true, schema: {type: integer}}
      responses:
        '200': {content: {application/json: {schema: {type: array, items: {$ref: '#/components/schemas/thing'}}}}}
        '404': {content: {application/json: {schema: {type: object, properties: {code: {type: integer}}}}}}
    delete:
      responses:
        '204': {description: gone}
    post:
      requestBody: {content: {application/json: {schema: {type: object, properties: {name: {type: string}}}}}}
      responses:
        '200': {content: {application/json: {schema: {$ref: '#/components/schemas/bag'}}}}
components:
  parameters:
    sort: {in: query, name: sort, schema: {type: string, enum: [asc, desc]}}
  schemas:
    thing:
      type: object
      required: [id]
      properties:
        id: {type: string}
        price: {type: number, nullable: true}
        parts: {type: array, items: {type: object, properties: {name: {type: string}}}}
    bag: {type: object, additionalProperties: {$ref: '#/components/schemas/thing'}}
"""
FACTS = {
    "DELETE /v2/things": [],
    "GET /v2/things": [
        ["200", "", ["array"], [], True],
        ["200", "[].id", ["string"], [], True],
        ["200", "[].parts", ["array"], [], False],
        ["200", "[].parts[].name", ["string"], [], False],
        ["200", "[].price", ["null", "number"], [], False],
        ["query", "limit", ["integer"], [], True],
        ["query", "sort", ["string"], ["asc", "desc"], False],
    ],
    "POST /v2/things": [
        ["200", "", ["object"], [], True],
        ["200", "{}.id", ["string"], [], True],
        ["200", "{}.parts", ["array"], [], False],
        ["200", "{}.parts[].name", ["string"], [], False],
        ["200", "{}.price", ["null", "number"], [], False],
        ["body", "", ["object"], [], True],
        ["body", "name", ["string"], [], False],
    ],
}


def test_a_documents_operations_become_facts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(DOCUMENT, encoding="utf-8")
    derive_facts.main([str(path)])

    assert json.loads(capsys.readouterr().out) == FACTS
