"""The national-crypto service integrators call: calls in, signatures and audit entries out."""
