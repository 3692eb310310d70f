"""Who may see and do what: roles, users, passwords, sessions, one-time links."""
