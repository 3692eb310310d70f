"""What computes SM2, SM3 and SM4: one engine is chosen for the process, named, and self-tested."""
