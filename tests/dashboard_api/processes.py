"""Signing processes as managing operations see them, without any process."""

import msgspec

from dashboard_api.signing import scopes
from dashboard_api.signing.call import Admitted, Reply
from dashboard_api.signing.refusal import reply_to
from schema.errors import FengsuiError


class Processes:
    """In place of the signing processes: a token is the application's id, the scopes are real."""

    def __init__(self, *applications):
        self.applications = {one.id: one for one in applications}

    async def call(self, operation, *, authorization, key="", **_):
        application = self.applications[authorization.removeprefix("Bearer ")]
        try:
            if key:
                key = scopes.key_of(application, operation, key)
            else:
                scopes.keyless(application, operation)
        except FengsuiError as error:
            return reply_to(0, error, "en")
        admitted = Admitted(
            application=application.id, unit=application.unit, credential="c", key=key
        )
        return Reply(0, 200, msgspec.json.encode(admitted))
