"""The bus on real brokers: its layout, how it is reached, its clients and its sealing.

``topics`` and ``rights`` are the layout · ``access`` the way to the brokers · ``kafka_bus`` and
``confluent_bus`` the two clients behind the port of :mod:`schema.bus`, ``memory_bus`` one inside
the process · ``sealed`` SM4-GCM on top of any of them · ``opening`` picks · ``admin`` sets up.
"""
