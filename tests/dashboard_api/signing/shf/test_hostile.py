"""Whatever is sent to any path: an answer, or an error with a code that a caller may see."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from messages import foreign

from crypto.errors import CryptoError
from dashboard_api.signing.shf import PATHS, media_type, refusal
from dashboard_api.signing.shf.table import ENTRIES
from schema.errors import FengsuiError

SITE = foreign()
NAMES = sorted({param.name for entry in ENTRIES.values() for param in entry.takes})
VALUES = st.one_of(
    st.sampled_from(["", "AA==", "7", "receipt", "vault", "131585", "0x00020201", "TRUE", "1"]),
    st.text(max_size=40),
    st.integers(min_value=-(2**70), max_value=2**70),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(st.text(max_size=8), max_size=3),
)
KINDS = st.one_of(st.sampled_from(["Raw", "Base64", "Hex", "DateTime"]), st.text(max_size=8))
PLAIN = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def try_(path: str, body: bytes) -> None:
    form = PATHS[path][1]
    try:
        answer = SITE.done(path, body).body
    except (FengsuiError, CryptoError) as error:
        for languages in ("zh", "en"):
            answer = refusal(form, error, languages, request=body, at=0)
            assert answer
    if media_type(form, body) == "application/json":
        json.loads(answer)


@pytest.mark.parametrize("path", PATHS)
@given(body=st.binary(max_size=300))
@PLAIN
def test_bytes_nobody_wrote_are_answered_or_refused(path: str, body: bytes) -> None:
    try_(path, body)
    try_(path, b"{" + body)


@pytest.mark.parametrize("path", [path for path, (_, form) in PATHS.items() if form == "shf"])
@given(
    entries=st.lists(
        st.fixed_dictionaries({"Name": st.sampled_from(NAMES), "Type": KINDS, "Value": VALUES}),
        max_size=5,
    )
)
@PLAIN
def test_messages_of_gmt0136_nobody_wrote_are_answered_or_refused(
    path: str, entries: list[object]
) -> None:
    try_(path, json.dumps({"Data": entries}).encode())


@pytest.mark.parametrize("path", [path for path, (_, form) in PATHS.items() if form == "svs"])
@given(fields=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8), wrap=st.booleans())
@PLAIN
def test_requests_of_signature_servers_nobody_wrote_are_answered_or_refused(
    path: str, fields: dict[str, object], wrap: bool
) -> None:
    body = {"version": 0, "reqType": "x", "request": fields} if wrap else fields
    try_(path, json.dumps(body).encode())


@pytest.mark.parametrize("path", PATHS)
def test_a_message_that_names_just_its_parameters_is_answered_or_refused(path: str) -> None:
    entry = ENTRIES[path]
    for value in ("", "AA==", "1"):
        if entry.form == "shf":
            message: object = {
                "Data": [
                    {"Name": one.name, "Type": kind, "Value": value}
                    for one, kind in zip(entry.takes, ["Raw"] * 9, strict=False)
                ]
            }
        else:
            message = {one.name: value for one in entry.takes}
        try_(path, json.dumps(message).encode())


def test_deep_and_wide_bodies_are_refused() -> None:
    for path in PATHS:
        try_(path, b'{"request":' * 5000 + b"1" + b"}" * 5000)
        try_(path, b"&".join(b"a%d=1" % n for n in range(5000)))
