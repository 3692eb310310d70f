"""Message forms for callers who already speak them: GM/T 0136-2024, and signature servers.

``shf`` are messages after the described parts of GM/T 0136-2024 (密码应用HTTP接口规范), ``svs``
those of signature servers (签名验签服务器, GM/T 0029, GB/T 38629). They are translated into calls
of ``/v1/crypto`` and back: same credentials, scopes, quota and audit. Off by default; no claim of
conformity: docs/integrator/shf.md says of each part where it is known from, and what was chosen.
"""

from dashboard_api.signing.shf.desk import ForeignForms
from dashboard_api.signing.shf.document import paths, schemas
from dashboard_api.signing.shf.refusing import Refusing, http_status, media_type, refusal
from dashboard_api.signing.shf.table import PATHS

__all__ = [
    "PATHS",
    "ForeignForms",
    "Refusing",
    "http_status",
    "media_type",
    "paths",
    "refusal",
    "schemas",
]
