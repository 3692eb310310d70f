"""Keys at rest: sealed by SM4-GCM under one master key, versioned, with a policy each.

Modules: ``store`` the store · ``model`` uses, states and policies · ``handles`` symmetric keys at
work · ``master`` where the master key comes from, ``hsm`` from a device · ``sealing`` how a row is
bound · ``vault`` file and master key together · ``backup`` the sealed copy and its restore ·
``database`` and ``rows`` the file.

These are software keys, held in this process's memory while in use: no certified module. Whoever is
root on the machine has them.
"""
