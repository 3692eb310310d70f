"""Document: the foreign forms in the OpenAPI document, made of the table they are answered by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from dashboard_api.signing.shf.given import FIELDS_MAX, Param
from dashboard_api.signing.shf.refusing import JSON_TYPE, Number
from dashboard_api.signing.shf.step import SHF, Entry
from dashboard_api.signing.shf.table import ENTRIES
from dashboard_api.signing.shf.wire import FORM_TYPE

NOTE: Final = "Off unless `signing.shf` is set; no claim of conformity (docs/integrator/shf.md)"

_MESSAGE: Final = "ForeignMessage"
_RESPOND: Final = "ForeignRespond"
_STATUSES: Final = {
    SHF: ("400", "401", "403", "404", "409", "410", "413", "422", "429", "500", "503"),
    "svs": ("401", "413", "429", "500", "503"),
}


def schemas() -> dict[str, Any]:
    """The schemas the operations refer to, by name."""
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
        _RESPOND: {
            "type": "object",
            "description": "An answer of a signature server; where the request had its fields "
            "under `request`, the answer has these under `respond`",
            "properties": {
                "respValue": {
                    "type": "integer",
                    "description": "0, or an error: "
                    + ", ".join(f"0x{one:08X}" for one in Number if one),
                },
                "code": {"type": "string", "description": "Of an error: ours, stable"},
                "message": {"type": "string", "description": "Of an error: what to do now"},
            },
        },
    }


def paths(security: Sequence[dict[str, list[str]]] = ()) -> dict[str, Any]:
    """The operations by path; ``security`` is what the data operations ask for."""
    return {path: {"post": _operation(entry, list(security))} for path, entry in ENTRIES.items()}


def _operation(entry: Entry, security: list[dict[str, list[str]]]) -> dict[str, Any]:
    answer = {"schema": {"$ref": f"#/components/schemas/{_answer_of(entry)}"}}
    types = [JSON_TYPE] if entry.form == SHF else [JSON_TYPE, FORM_TYPE]
    content = dict.fromkeys(types, answer)
    return {
        "operationId": f"{entry.form}_{entry.path.rpartition('/')[2]}",
        "tags": [f"{entry.form}: {NOTE}"],
        "summary": entry.summary,
        "description": _description(entry),
        "security": security,
        "requestBody": {
            "required": True,
            "content": {one: {"schema": _request(entry, one)} for one in types},
        },
        "responses": {
            "200": {"description": _gives(entry), "content": content},
            **{
                status: {"description": "Refused", "content": content}
                for status in _STATUSES[entry.form]
            },
        },
    }


def _answer_of(entry: Entry) -> str:
    return _MESSAGE if entry.form == SHF else _RESPOND


def _request(entry: Entry, media_type: str) -> dict[str, Any]:
    if entry.form == SHF:
        return {"$ref": f"#/components/schemas/{_MESSAGE}"}
    flat = {
        "type": "object",
        "required": [param.name for param in entry.takes if param.required],
        "properties": {param.name: {"description": param.words} for param in entry.takes},
    }
    if media_type == FORM_TYPE:
        return flat
    wrapped = {
        "type": "object",
        "required": ["request"],
        "properties": {
            "version": {"type": ["integer", "string"]},
            "reqType": {"type": ["integer", "string"]},
            "request": flat,
            "reqTime": {"type": "string"},
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
