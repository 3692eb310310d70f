"""Runner: stages run over the partitions of a bus, exactly once, beside other workers."""
