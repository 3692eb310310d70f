"""Messages of the foreign forms as callers write them, and a desk that answers them."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fakes import FakeSite, site

from crypto.x509.authority import Profile
from dashboard_api.applications.model import Application
from dashboard_api.signing.call import Call
from dashboard_api.signing.ports import Done
from dashboard_api.signing.shf import PATHS, ForeignForms


def b64(data: bytes) -> str:
    return b64encode(data).decode()


def ntv(**values: bytes | str | int | list[str]) -> bytes:
    """A message of GM/T 0136: bytes as Base64, the rest Raw."""
    return json.dumps(
        {
            "Data": [
                {
                    "Name": name,
                    "Type": "Base64" if isinstance(value, bytes) else "Raw",
                    "Value": b64(value) if isinstance(value, bytes) else value,
                }
                for name, value in values.items()
            ]
        }
    ).encode()


def read_ntv(body: bytes) -> dict[str, Any]:
    """The values of a message: Base64 as bytes."""
    return {
        one["Name"]: b64decode(one["Value"]) if one["Type"] == "Base64" else one["Value"]
        for one in json.loads(body)["Data"]
    }


@dataclass
class Foreign:
    """A site whose desk understands the foreign forms."""

    site: FakeSite
    desk: ForeignForms

    def done(self, path: str, body: bytes, application: Application | None = None) -> Done:
        operation, form = PATHS[path]
        call = Call(
            id=1,
            operation=operation,
            method="POST",
            target=path,
            authorization="",
            languages="en",
            body=body,
            form=form,
        )
        return self.desk.perform(application or self.site.application, call)

    def shf(self, name: str, **values: bytes | str | int | list[str]) -> dict[str, Any]:
        return read_ntv(self.done(f"/shf/v1/{name}", ntv(**values)).body)

    def svs(self, name: str, way: str = "flat", **values: bytes | str | int) -> dict[str, Any]:
        """What ``respond`` holds, the request sent one of the three ways."""
        fields = {
            key: b64(value) if isinstance(value, bytes) else value for key, value in values.items()
        }
        if way == "form":
            body = self.done(f"/svs/{name}", urlencode(fields).encode()).body
            return dict(parse_qsl(body.decode(), strict_parsing=True))
        if way == "flat":
            return dict(json.loads(self.done(f"/svs/{name}", json.dumps(fields).encode()).body))
        wrapped = {"version": 0, "reqType": name, "reqTime": "20261118000000Z", "request": fields}
        answer = json.loads(self.done(f"/svs/{name}", json.dumps(wrapped).encode()).body)
        assert answer["version"] == 0
        assert answer["respType"] == answer["reqType"] == name
        assert answer["respTime"].endswith("Z")
        return dict(answer["respond"])


def foreign() -> Foreign:
    """A site with the keys of ``fakes.site``, 7, certified, and 8, which signs digests too."""
    made = site()
    for name, profile in (("payments.7", Profile.SIGNING), ("payments.8", Profile.SIGNING)):
        key = made.keys.add_pair(name, "sign", sign_e=name.endswith("8"))
        root = made.authority.certificate.der
        made.keys.chains[name] = (made.certificate(name, profile, key), root)
    return Foreign(made, ForeignForms(made.desk, clock=made.clock, entropy=made.keys.entropy))
