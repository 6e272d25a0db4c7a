"""An environment that was synthesised, as tests ask about it: by type and property, never by logical id."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from contract.names import Names, StackRole
from infra.declared import Declared

Resource = Mapping[str, Any]


@dataclass(frozen=True)
class Standing:
    """The templates of an environment."""

    declared: Declared
    templates: Mapping[StackRole, Mapping[str, Any]]

    @property
    def names(self) -> Names:
        return self.declared.names

    def all(self, kind: str) -> list[Resource]:
        """Every resource of the type, whole (properties, policies, conditions), from every stack."""
        return [each for each in self.resources() if each["Type"] == kind]

    def resources(self) -> Iterator[Resource]:
        """Every resource of every stack."""
        for template in self.templates.values():
            yield from template["Resources"].values()

    def one(self, kind: str, **properties: object) -> Resource:
        """The one resource of the type whose properties have these values."""
        found = [each for each in self.all(kind) if properties.items() <= _plain(each).items()]
        assert len(found) == 1, f"{len(found)} of {kind} with {properties}"
        return found[0]

    def properties(self, kind: str, **properties: object) -> Mapping[str, Any]:
        """The properties of that one resource."""
        given: Mapping[str, Any] = self.one(kind, **properties)["Properties"]
        return given

    def statements(self, description: str) -> list[Mapping[str, Any]]:
        """Every statement that the role with this description is given."""
        roles = [
            name
            for template in self.templates.values()
            for name, each in template["Resources"].items()
            if each["Type"] == "AWS::IAM::Role" and each["Properties"].get("Description") == description
        ]
        assert len(roles) == 1, f"{len(roles)} roles say {description!r}"
        policies = [
            each["Properties"]
            for each in self.all("AWS::IAM::Policy")
            if {"Ref": roles[0]} in each["Properties"]["Roles"]
        ]
        return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]

    def parameter(self, role: StackRole, reference: Mapping[str, str]) -> str:
        """The name of the SSM parameter that a `Ref` in the stack reads."""
        parameter = self.templates[role]["Parameters"][reference["Ref"]]
        assert parameter["Type"] == "AWS::SSM::Parameter::Value<String>"
        return str(parameter["Default"])


def actions(statements: list[Mapping[str, Any]]) -> set[str]:
    """Every action that the statements allow."""
    return {each for statement in statements if statement["Effect"] == "Allow" for each in many(statement["Action"])}


def many(value: Any) -> list[Any]:
    """One or several, as a list: a policy writes one of a thing without brackets."""
    return value if isinstance(value, list) else [value]


def text(value: object) -> str:
    """A resource as text, to look for words in it."""
    return json.dumps(value, sort_keys=True)


def _plain(resource: Resource) -> dict[str, Any]:
    properties = resource.get("Properties", {})
    return {key: value for key, value in properties.items() if isinstance(value, str | int | bool)}
