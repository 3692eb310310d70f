"""The words every tier uses, and the pure functions over them.

Events, batches, segments, alerts, filters and the ports (Protocols) through which the tiers meet.
Nothing here knows a product, a database or a network.
"""
