"""Packet view: handshakes, name questions and flow ends of one network interface."""

from sensors.packets.capture import Interface
from sensors.packets.filter import wanted
from sensors.packets.pcap import PcapFile
from sensors.packets.source import PacketSource
from sensors.packets.terms import System, View, network, system

__all__ = [
    "Interface",
    "PacketSource",
    "PcapFile",
    "System",
    "View",
    "network",
    "system",
    "wanted",
]
