"""Document: the foreign forms in the OpenAPI document, made of the table they are answered by."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from dashboard_api.signing.shf.given import FIELDS_MAX, Param
from dashboard_api.signing.shf.refusing import JSON_TYPE, Number
from dashboard_api.signing.shf.step import SHF, SVS, Entry
from dashboard_api.signing.shf.table import ENTRIES
from dashboard_api.signing.shf.wire import FORM_TYPE

Json: TypeAlias = dict[str, Any]

_REF: Final = "#/components/schemas/{name}"
NOTE: Final = "Off unless `signing.shf` is set; no claim of conformity (docs/integrator/shf.md)"

_MESSAGE: Final = "ForeignMessage"
PROBLEM_TYPE: Final = "application/problem+json"

_STATUSES: Final = {
    SHF: (401, 403, 404, 409, 410, 413, 422, 429, 503),
    SVS: (401, 413, 429, 503),
}
_RETRY: Final = (429, 503)
_WHOLE_OR_TEXT: Final[Json] = {"anyOf": [{"type": "integer"}, {"type": "string"}]}
_SECURITY: Final[list[Json]] = [{"application": []}, {"signed_request": []}]
"""As the data operations name them."""


def schemas() -> Json:
    """The schemas ``paths`` refers to, but for ``Problem``, which all routes share."""
    return {
        _MESSAGE: {
            "type": "object",
            "description": "A message of Name, Type and Value (NTV); in a refusal ErrorNumber, "
            "ErrorCode and ErrorMessage",
            "required": ["Data"],
            "additionalProperties": False,
            "properties": {
                "Data": {
                    "type": "array",
                    "maxItems": FIELDS_MAX,
                    "items": {
                        "type": "object",
                        "required": ["Name", "Type", "Value"],
                        "additionalProperties": False,
                        "properties": {
                            "Name": {"type": "string"},
                            "Type": {"enum": ["Raw", "Base64", "Hex", "DateTime"]},
                            "Value": {
                                "anyOf": [
                                    {"type": "string"},
                                    {"type": "integer"},
                                    {"type": "array", "items": {"type": "string"}},
                                ]
                            },
                        },
                    },
                }
            },
        },
    }


def paths() -> Json:
    """The operations by path."""
    return {path: {"post": _operation(entry)} for path, entry in ENTRIES.items()}


def _operation(entry: Entry) -> Json:
    types = [JSON_TYPE] if entry.form == SHF else [JSON_TYPE, FORM_TYPE]
    done = {one: {"schema": _answer(entry, one)} for one in types}
    return {
        "operationId": f"{entry.form}_{entry.path.rpartition('/')[2]}",
        "tags": [entry.form],
        "summary": entry.summary,
        "description": _description(entry),
        "security": _SECURITY,
        "x-scope": entry.operation.value,
        "requestBody": {
            "required": True,
            "content": {one: {"schema": _request(entry, one)} for one in types},
        },
        "responses": {
            "200": {"description": _gives(entry), "content": done},
            **{str(status): _refusal(status, done) for status in _STATUSES[entry.form]},
            "default": {
                "description": "What no signing process has read is answered by problem+json",
                "content": {**done, **_problem()},
            },
        },
    }


def _refusal(status: int, done: Json) -> Json:
    made: Json = {
        "description": "Refused in the form of the call, or by problem+json before it was read",
        "content": {**done, **_problem()},
    }
    if status in _RETRY:
        made["headers"] = {
            "Retry-After": {
                "description": "Seconds to wait",
                "schema": {"type": "integer", "minimum": 1},
            }
        }
    return made


def _problem() -> Json:
    return {PROBLEM_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}}


def _answer(entry: Entry, media_type: str) -> Json:
    if entry.form == SHF:
        return {"$ref": _REF.format(name=_MESSAGE)}
    flat = {
        "type": "object",
        "required": ["respValue"],
        "properties": {
            "respValue": {
                "type": "integer",
                "description": "0, or an error: "
                + ", ".join(f"0x{one:08X}" for one in Number if one),
            },
            "code": {"type": "string", "description": "Of an error: ours, stable"},
            "message": {"type": "string", "description": "Of an error: what to do now"},
            **{name: {"type": "string", "description": w} for name, w in entry.gives.items()},
        },
    }
    return flat if media_type == FORM_TYPE else _either(flat, "respType", "respond", "respTime")


def _request(entry: Entry, media_type: str) -> Json:
    if entry.form == SHF:
        return {"$ref": _REF.format(name=_MESSAGE)}
    flat = {
        "type": "object",
        "required": [param.name for param in entry.takes if param.required],
        "properties": {param.name: {"description": param.words} for param in entry.takes},
    }
    return flat if media_type == FORM_TYPE else _either(flat, "reqType", "request", "reqTime")


def _either(flat: Json, kind: str, inside: str, time: str) -> Json:
    """The fields themselves, or wrapped as several makers have them."""
    wrapped = {
        "type": "object",
        "required": [inside],
        "properties": {
            "version": _WHOLE_OR_TEXT,
            "reqType": _WHOLE_OR_TEXT,
            kind: _WHOLE_OR_TEXT,
            inside: flat,
            time: {"type": "string"},
        },
    }
    return {"anyOf": [flat, wrapped]}


def _description(entry: Entry) -> str:
    return "\n".join(
        [NOTE, "", "Takes:", *(_line(param) for param in entry.takes), "", "Gives:", _gives(entry)]
    )


def _line(param: Param) -> str:
    return f"- `{param.name}`{'' if param.required else ' (optional)'}: {param.words}"


def _gives(entry: Entry) -> str:
    done = {} if entry.form == SHF else {"respValue": "0"}
    return "; ".join(f"`{name}`: {words}" for name, words in {**done, **entry.gives}.items())
