"""What runs on a watched machine: reads sources, masks, seals, spools, ships."""
