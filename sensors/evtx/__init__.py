"""Binary Windows event files (``.evtx``): read record by record, as the forwarded XML is."""

from sensors.evtx.file import EvtxFile
from sensors.evtx.rendering import must_be_there
from sensors.evtx.source import FORMAT, EvtxSource

__all__ = ["FORMAT", "EvtxFile", "EvtxSource", "must_be_there"]
