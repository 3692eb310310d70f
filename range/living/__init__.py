"""The living district: the town's deeds carried out on real servers, and recorded."""
