"""A signing process with the foreign forms in front of its desk: answers, refusals and entries."""

import json

import benchwork
import pytest
from fakes import call
from messages import Foreign, b64, foreign, ntv, read_ntv
from msgspec.structs import replace

from dashboard_api.signing.call import Call
from dashboard_api.signing.ports import Caller, Mark
from dashboard_api.signing.shf import PATHS, Refusing
from dashboard_api.signing.worker import Worker


class KeptJournal:
    """Keeps the marks of the group that was committed last."""

    def __init__(self) -> None:
        self.marks: list[Mark] = []

    def add(self, mark: Mark) -> None:
        self.marks.append(mark)

    def commit(self) -> None:
        pass

    def mac(self, payloads: list[bytes]) -> tuple[bytes, ...]:
        return tuple(b"mac of " + one for one in payloads)


class OneCaller:
    """Believes everybody to be the application of the site."""

    def __init__(self, site: Foreign) -> None:
        self._caller = Caller(application=site.site.application, credential="c")

    def identify(self, _: Call) -> Caller:
        return self._caller

    def commit(self) -> None:
        pass


@pytest.fixture
def journal() -> KeptJournal:
    return KeptJournal()


@pytest.fixture
def worker(journal: KeptJournal) -> Worker:
    site = foreign()
    return Worker(
        benchwork.parts(
            journal,
            desk=site.desk,
            keys=site.site.keys,
            callers=OneCaller(site),
            refuse=Refusing(site.site.clock),
        )
    )


def asked(path: str, body: bytes, number: int = 1) -> Call:
    operation, form = PATHS[path]
    return replace(call(operation, body), id=number, target=path, form=form)


def test_calls_of_all_forms_stand_in_one_group_and_in_one_journal(
    worker: Worker, journal: KeptJournal
) -> None:
    svs = {"signMethod": 131585, "keyIndex": 8, "inData": b64(b"svs")}
    own = {"key": "8", "message": b64(b"own")}
    replies = worker.answer(
        [
            asked("/shf/v1/Sign", ntv(KeyId="8", PlainText=b"shf"), 1),
            asked("/svs/SignData", json.dumps(svs).encode(), 2),
            replace(call(PATHS["/svs/SignData"][0], json.dumps(own).encode()), id=3),
        ]
    )
    assert [reply.status for reply in replies] == [200, 200, 200]
    assert list(read_ntv(replies[0].body)) == ["Signature"]
    assert json.loads(replies[1].body)["respValue"] == 0
    assert json.loads(replies[2].body)["key"] == "payments.8"
    told = [(one.operation, one.key, one.algorithm, one.payload_macs) for one in journal.marks]
    assert told == [
        ("sign", "payments.8", "SM2-SM3", (b"mac of " + text,)) for text in (b"shf", b"svs", b"own")
    ]


def test_a_refused_call_has_its_entry_and_an_answer_in_its_own_form(
    worker: Worker, journal: KeptJournal
) -> None:
    wrong = {"type": 1, "cert": b64(b"x"), "inData": b64(b"x"), "signature": b64(b"y")}
    replies = worker.answer(
        [
            asked("/shf/v1/Sign", ntv(KeyId="nowhere", PlainText=b"x"), 1),
            asked("/svs/VerifySignedData", json.dumps(wrong).encode(), 2),
            asked("/svs/SignData", b"signMethod=1&keyIndex=1&inData=", 3),
        ]
    )
    assert [reply.status for reply in replies] == [404, 200, 200]
    assert read_ntv(replies[0].body)["ErrorNumber"] == "0x04000005"
    assert json.loads(replies[1].body)["respValue"] == 0x04000008
    assert replies[2].body.startswith(b"respValue=67108868&")
    assert [one.result for one in journal.marks] == [
        "crypto.key.unknown",
        "crypto.certificate.malformed",
        "dashboard_api.call.malformed",
    ]
