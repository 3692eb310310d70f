"""Receiving: logs that devices send by syslog, over UDP, TCP or TLS, as a source of the sensor."""

from sensors.receive.source import ReceiveSource
from sensors.receive.terms import Listening, Route, split_address

__all__ = ["Listening", "ReceiveSource", "Route", "split_address"]
