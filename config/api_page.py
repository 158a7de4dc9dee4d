"""The API's schema as a page tells it: each address with what goes in and what comes out."""

import json
from typing import Any, NamedTuple

from config.api import SCHEMA, schema


class Field(NamedTuple):
    name: str
    kind: str
    is_needed: bool
    about: str


class Endpoint(NamedTuple):
    method: str
    path: str
    summary: str
    about: str
    parameters: list[Field]
    body: list[Field]
    example: str
    answers: list[tuple[str, list[Field]]]  # status, and the fields of what is told


def groups() -> dict[str, list[Endpoint]]:
    """The addresses by their headings."""
    found: dict[str, list[Endpoint]] = {}
    for path, methods in schema()["paths"].items():
        for method, operation in methods.items():
            found.setdefault(operation["tags"][0], []).append(_endpoint(path, method, operation))
    return found


def shapes() -> dict[str, list[Field]]:
    """The fields of what others are made of."""
    found = {name: _fields(shape) for name, shape in schema()["components"]["schemas"].items()}
    return {name: fields for name, fields in sorted(found.items()) if fields}


def _endpoint(path: str, method: str, operation: dict[str, Any]) -> Endpoint:
    sent = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    shape = _shape(sent)
    examples = shape.get("examples", [])
    answers = {
        status: answer.get("content", {}).get("application/json", {}).get("schema", {})
        for status, answer in operation["responses"].items()
        if status < "300"
    }
    parameters = [
        Field(
            one["name"],
            _kind(one["schema"]),
            one.get("required", False),
            _plain(one.get("description") or one["schema"].get("description", "")),
        )
        for one in operation.get("parameters", [])
    ]
    return Endpoint(
        method.upper(),
        path,
        operation["summary"],
        _plain(operation.get("description", "")),
        parameters,
        _fields(shape),
        json.dumps(examples[0], indent=2, ensure_ascii=False) if examples else "",
        [(status, _fields(_shape(answer))) for status, answer in answers.items()],
    )


def _plain(text: str) -> str:
    """Without the marks of code, which nobody sets here."""
    return text.replace("`", "")


def _fields(shape: dict[str, Any]) -> list[Field]:
    needed = shape.get("required", [])
    return [
        Field(name, _kind(about), name in needed, _plain(about.get("description", "")))
        for name, about in shape.get("properties", {}).items()
    ]


def _shape(named: dict[str, Any]) -> dict[str, Any]:
    """The schema itself, where it is named by reference."""
    reference = named.get("$ref", "")
    found: dict[str, Any] = schema()["components"]["schemas"][reference.removeprefix(SCHEMA)] if reference else named
    return found


def _kind(about: dict[str, Any]) -> str:
    """What a value is, in a few words: `list of Span`, `raw | finished`, `integer | null`."""
    if "$ref" in about:
        return str(about["$ref"]).removeprefix(SCHEMA)
    if "enum" in about:
        return " | ".join(map(str, about["enum"]))
    if "const" in about:
        return str(about["const"])
    if several := about.get("anyOf") or about.get("allOf"):
        return " | ".join(_kind(one) for one in several)
    if pair := about.get("prefixItems"):
        return f"[{', '.join(map(_kind, pair))}]"
    if about.get("type") == "array":
        return f"list of {_kind(about.get('items', {}))}"
    return str(about.get("format") or about.get("type") or "anything")
