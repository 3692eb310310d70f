"""Gives each generated request the credential its operation asks for; run inside schemathesis."""

import json
import os

import schemathesis

_GIVEN = json.loads(os.environ["FENGSUI_TEST_CREDENTIALS"])
"""Origin, cookies by permission (``""``: any person), the application's and
the gateway's Authorization."""


@schemathesis.hook
def before_call(context, case, kwargs):
    operation = case.operation.definition.raw
    headers = dict(case.headers or {})
    headers["Origin"] = _GIVEN["origin"]
    schemes = {name for one in operation.get("security", ()) for name in one}
    # Where both may ask, the application does: people are asked where applications may not.
    if schemes & {"application", "signed_request"}:
        headers["Authorization"] = _GIVEN["application"]
        del headers["Origin"]
    elif "gateway" in schemes:
        del headers["Origin"]
        # A question without a token is asked so on purpose: it has to be refused.
        if getattr(case.meta and case.meta.phase.data, "parameter", None) != "Authorization":
            headers["Authorization"] = _GIVEN["gateway"]
    elif "session" in schemes:
        cookies = _GIVEN["cookies"]
        headers["Cookie"] = cookies.get(operation.get("x-permission", ""), cookies[""])
    case.headers = headers
