"""SM2, SM3 and SM4 for the rest of the product, and nothing of the rest of the product.

It promises: the standards' own vectors pass before use (``status.self_test``); verification raises
and never returns a verdict; only one encoding of a signature is accepted; every point is checked
on the curve; a signature for one domain is worthless in another; secrets never stand in a
``repr``, an error or a pickle.

It does not promise: these are software keys, held in the memory of the process and in files.
This is no certified cryptographic module (GB/T 37092, GM/T 0028): a system whose assessment
asks for one keeps its keys in certified hardware. Whoever is root on the machine has the keys.

Ciphers: ``sm2`` keys, signatures and encryption · ``sm2_exchange`` key exchange · ``sm3`` digests ·
``sm4`` and ``sm4_stream`` sealing · ``engines`` what computes · ``status`` the self-test.
Keys: ``keys`` key files · ``pkcs8`` keys as other tools keep them · ``keystore`` sealed keys under
a policy · ``sharing`` a secret among officers · ``sdf`` devices.
Formats: ``x509`` certificates, requests and revocation lists · ``cms`` signed and enveloped
messages, keys in transport and time stamps. ``errors`` is the one error.
Import the module you need: importing the package alone loads nothing.
"""
