"""Keys and certificates of the national-crypto service: made, kept, renewed, given up by two."""
