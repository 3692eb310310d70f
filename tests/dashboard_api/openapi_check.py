"""The part of JSON Schema that our API document uses; raises AssertionError saying where."""

import re

TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "boolean": bool,
    "null": type(None),
    "number": (int, float),
}
KNOWN = {
    "$ref", "additionalProperties", "anyOf", "const", "default", "description", "enum", "example",
    "examples", "exclusiveMinimum", "format", "items", "maxItems", "maxLength", "maximum",
    "minItems", "minLength", "minimum", "oneOf", "pattern", "properties", "required", "title",
    "type", "uniqueItems",
}  # fmt: skip


def check(value, schema, document, where="$"):
    """Raise unless the value fits the schema."""
    assert set(schema) <= KNOWN, f"{where}: {set(schema) - KNOWN} is not checked here"
    if "$ref" in schema:
        return check(
            value, document["components"]["schemas"][schema["$ref"].split("/")[-1]], document, where
        )
    if "anyOf" in schema:
        return _any(value, schema["anyOf"], document, where)
    if "oneOf" in schema:
        _one(value, schema["oneOf"], document, where)
    if "enum" in schema:
        assert value in schema["enum"], f"{where}: {value!r} is none of {schema['enum']}"
    if "type" in schema:
        assert isinstance(value, TYPES[schema["type"]]), (
            f"{where}: {value!r} is no {schema['type']}"
        )
        assert schema["type"] != "integer" or not isinstance(value, bool), where
    if isinstance(value, str):
        assert len(value) >= schema.get("minLength", 0), where
        assert len(value) <= schema.get("maxLength", 10**9), where
        assert "pattern" not in schema or re.search(schema["pattern"], value), f"{where}: {value!r}"
    if isinstance(value, dict):
        return _object(value, schema, document, where)
    if isinstance(value, list):
        for index, item in enumerate(value):
            check(item, schema.get("items", {}), document, f"{where}[{index}]")
    return None


def _any(value, schemas, document, where):
    for one in schemas:
        try:
            return check(value, one, document, where)
        except AssertionError:
            continue
    raise AssertionError(f"{where}: {value!r} fits none of {schemas}")


def _one(value, schemas, document, where):
    fitting = 0
    for one in schemas:
        try:
            check(value, one, document, where)
        except AssertionError:
            continue
        fitting += 1
    assert fitting == 1, f"{where}: {value!r} fits {fitting} of {schemas}"


def _object(value, schema, document, where):
    missing = set(schema.get("required", ())) - set(value)
    assert not missing, f"{where}: {missing} is missing"
    known = schema.get("properties", {})
    more = schema.get("additionalProperties", not known)
    for name, item in value.items():
        if name in known:
            check(item, known[name], document, f"{where}.{name}")
            continue
        assert more is not False, f"{where}: {name} is not in the schema"
        check(item, more if isinstance(more, dict) else {}, document, f"{where}.{name}")
