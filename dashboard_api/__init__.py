"""HTTP for officers, system owners and integrators, and the built web pages."""
