"""Business systems that call the national-crypto service: credentials, grants, quotas."""
