"""ForeignForms: the desk behind a desk, for calls that come in a foreign form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from crypto.ports import Clock, Entropy
from dashboard_api.applications.model import Application
from dashboard_api.signing.call import Call
from dashboard_api.signing.ports import Desk, Done
from dashboard_api.signing.scopes import keyless
from dashboard_api.signing.sentences import MALFORMED
from dashboard_api.signing.shf import gmt0136, ntv, svs, wire, wrong
from dashboard_api.signing.shf.given import Answer, Field, Given
from dashboard_api.signing.shf.refusing import Number
from dashboard_api.signing.shf.step import SHF, SVS, Answered, Ask, Entry, Told, Tools
from dashboard_api.signing.shf.table import ENTRIES
from schema.errors import FengsuiError

_PREFIXES: Final = {SHF: gmt0136.PREFIX, SVS: svs.PREFIX}
_ANSWERED: Final = msgspec.json.Decoder(Answered)


class ForeignForms:
    """Translates a call, lets the inner desk perform it, and translates the answer back.

    What the call did (key, algorithm, payloads) stands in ``Done`` as the inner desk said it. Calls
    of no foreign form pass through. Raises what the inner desk raises and
    ``dashboard_api.call.malformed``, both for ``refusal`` to put into the form of the call.
    """

    __slots__ = ("_clock", "_inner", "_tools")

    def __init__(self, inner: Desk, *, clock: Clock, entropy: Entropy) -> None:
        self._inner = inner
        self._clock = clock
        self._tools = Tools(clock=clock, entropy=entropy)

    def perform(self, application: Application, call: Call) -> Done:
        """Return what was done, its body in the form of the call."""
        if not call.form:
            return self._inner.perform(application, call)
        entry = _entry_of(call)
        if call.form == SHF:
            done, answer = self._step(application, call, entry, ntv.read(call.body))
            body = ntv.write(answer)
        else:
            way, fields = wire.read(call.body)
            done, answer = self._step(application, call, entry, fields)
            body = way.write({"respValue": int(Number.DONE), **answer}, self._clock.now())
        return msgspec.structs.replace(done, body=body)

    def _step(
        self, application: Application, call: Call, entry: Entry, fields: Mapping[str, Field]
    ) -> tuple[Done, Answer]:
        if entry.keyless:
            keyless(application, entry.operation)
        step = entry.step(Given(fields, entry.takes), self._tools)
        if isinstance(step, Told):
            done = Done(body=b"", algorithm=step.algorithm, mode=step.mode, payloads=step.payloads)
            return done, step.answer
        done = self._ask(application, call, step)
        return done, step.answer(_ANSWERED.decode(done.body))

    def _ask(self, application: Application, call: Call, step: Ask) -> Done:
        inner = msgspec.structs.replace(
            call, operation=step.operation, form="", body=msgspec.json.encode(step.fields)
        )
        try:
            return self._inner.perform(application, inner)
        except FengsuiError as error:
            where = str(error.params.get("where", ""))
            if error.code != MALFORMED or where not in step.names:
                raise
            # The caller knows the field by another name.
            renamed = FengsuiError(
                error.code,
                str(error.args[0]).replace(where, step.names[where], 1),
                **{**error.params, "where": step.names[where]},
            )
            raise renamed from error


def _entry_of(call: Call) -> Entry:
    """The call's entry: the path ends in it, whatever the site's root is."""
    path = call.target.partition("?")[0]
    start = path.rfind(_PREFIXES.get(call.form, "?"))
    entry = ENTRIES.get(path[start:]) if start >= 0 else None
    if entry is None:
        raise wrong.wrong("shf_path", "path")
    return entry
