"""Upload hook: applications ask the sensor before they accept a file (use case X05)."""

from sensors.upload.check import Checker, OnFailure, Verdict
from sensors.upload.protected import Protected
from sensors.upload.protocol import Answer, Question, ask
from sensors.upload.source import UploadSource

__all__ = [
    "Answer",
    "Checker",
    "OnFailure",
    "Protected",
    "Question",
    "UploadSource",
    "Verdict",
    "ask",
]
