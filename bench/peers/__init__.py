"""Other people's SM2, SM3 and SM4, each in a small program of ours that speaks one line protocol.

The same programs are timed by ``bench crypto``, ``crypto_small`` and ``crypto_peers`` and asked by
``tests/interop``. See README.md for the protocol and for what each peer is.
"""
