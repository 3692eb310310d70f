"""Uploads: files that clerks hand in, looked through by the product's own upload service."""

from __future__ import annotations

import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Final

from district.sharing.acts import Upload
from district.sharing.system import UPLOADS
from district.stream import Sink

from crypto import sm3
from living.clock import Clock
from sensors.upload import Checker, Protected, Question, UploadSource, ask

__all__ = ["Uploads"]

_HOST: Final = "upload-01"
_APPLICATION: Final = "share-console"
_MATTER: Final = "M-101"
_WORD: Final = (
    '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
    "<w:body><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:body></w:document>"
)
_SHEET: Final = '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>{}</t></si></sst>'
_PAGES: Final = {".docx": ("word/document.xml", _WORD), ".xlsx": ("xl/sharedStrings.xml", _SHEET)}
_EVENTS: Final = 16


class Uploads:
    """The folder of uploads and the sensor's upload service beside it."""

    def __init__(
        self, folder: Path, *, protected: Collection[str], clock: Clock, sink: Sink
    ) -> None:
        """``protected`` are the contents of the files that must never be uploaded."""
        self._folder, self._protected, self._clock, self._sink = folder, protected, clock, sink
        self._files = folder / "upload"
        self._files.mkdir(parents=True)
        listed = folder / "protected.txt"
        hashes = (sm3.digest(content.encode()).hex() for content in protected)
        listed.write_text("".join(f"{one}\n" for one in hashes), encoding="ascii")
        checker = Checker(Protected(listed), isolate=folder / "isolated", folders=(self._files,))
        self._socket = folder / "upload.sock"
        self._source = UploadSource("upload", self._socket, checker, host=_HOST, now=clock.now)
        # It answers from its first poll on.
        self._source.poll(1)

    def hand_in(self, act: Upload) -> None:
        """Put the file there, have it looked through, and give the event to the stream."""
        place = self._files / act.unit
        place.mkdir(exist_ok=True)
        path = place / act.name
        self._write(path, act)
        ask(
            self._socket,
            Question(
                file=str(path), user=act.user, app=_APPLICATION, name=act.name, matter=_MATTER,
                unit=act.unit,
            ),
        )  # fmt: skip
        for fields in self._source.poll(_EVENTS).events:
            self._sink.event(UPLOADS, self._clock.now(), fields)
        path.unlink(missing_ok=True)

    def stop(self) -> None:
        """Answer no more."""
        self._source.stop()

    def _write(self, path: Path, act: Upload) -> None:
        if act.content in self._protected:
            # To the byte the file that is registered.
            path.write_bytes(act.content.encode())
            return
        text, picture = f"{act.head}\n{act.content}", _picture(act.content)
        if path.suffix in _PAGES:
            name, page = _PAGES[path.suffix]
            with zipfile.ZipFile(path, "w") as packed:
                packed.writestr(zipfile.ZipInfo(name), page.format(text))
                packed.writestr(zipfile.ZipInfo("media/image1.jpeg"), picture)
        else:
            path.write_bytes(_pdf(text, picture) if path.suffix == ".pdf" else picture)


def _picture(content: str) -> bytes:
    """As many bytes as a small scan, which show nothing."""
    return b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + sm3.digest(content.encode()) * 640


def _pdf(text: str, picture: bytes) -> bytes:
    drawn = f"BT /F1 12 Tf 72 720 Td <{text.encode('utf-16-be').hex()}> Tj ET".encode("ascii")
    parts = (
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn),
        b"<< /Subtype /Image /Filter /DCTDecode /Length %d >>\nstream\n%s\nendstream"
        % (len(picture), picture),
    )
    objects = b"".join(
        b"%d 0 obj\n%s\nendobj\n" % (number, part) for number, part in enumerate(parts, 1)
    )
    return b"%PDF-1.4\n" + objects + b"%%EOF\n"
