"""Models: trained apart from the engine, scored inside it with integers only."""
