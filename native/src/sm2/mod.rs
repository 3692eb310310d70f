//! SM2 (GB/T 32918-2016): keys, signatures, encryption and key exchange.
