"""Events in, alerts out: pure, deterministic, replayable."""
