"""Language: from rule files, ours and Sigma's, to rules the engine evaluates."""
