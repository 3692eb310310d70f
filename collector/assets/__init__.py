"""Assets learned from events, and held against the register of assets."""
