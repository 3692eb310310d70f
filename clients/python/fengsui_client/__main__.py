"""``python -m fengsui_client``: checks this client against a service; prints one JSON line.

Reads FENGSUI_URL, FENGSUI_APPLICATION, FENGSUI_TOKEN and/or FENGSUI_KEY_FILE, FENGSUI_SIGN_KEY and
FENGSUI_BOX_KEY (names of a key of use sign and one of use encrypt that may be decrypted with).
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from pathlib import Path

from fengsui_client import (
    DEFAULT_ID,
    Client,
    ClientError,
    InvalidSignature,
    PrivateKey,
    sm3,
)
from fengsui_client._crypto import engines


def round_of(client: Client, sign_key: str, box_key: str) -> dict[str, object]:
    """What works, each as true or as the code that was expected."""
    message = secrets.token_bytes(100)
    made = client.sign(sign_key, message)
    client.verify_locally(made, message)
    own = PrivateKey.generate()
    signature = own.sign(message, domain=DEFAULT_ID)
    client.verify(signature, message, public_key=own.public)
    sealed = client.encrypt_locally(box_key, message)
    opened = client.decrypt(box_key, sealed).plaintext
    wrong = ""
    try:
        client.verify(made.signature, message + b"!", key=sign_key)
    except InvalidSignature as error:
        wrong = error.code
    return {
        "service_signs": True,
        "client_signs": True,
        "client_encrypts": opened == message,
        "digest": client.digest(message) == sm3(message),
        "wrong_signature": wrong,
    }


def main() -> int:
    """Exit 0 when the round was gone with every credential given."""
    told = os.environ
    token, key_file = told.get("FENGSUI_TOKEN"), told.get("FENGSUI_KEY_FILE")
    found: dict[str, object] = {"client": "python", "engine": engines.current().name}
    try:
        for name, given in (("bearer", token), ("signed", key_file)):
            if given:
                key = PrivateKey.from_pem(Path(given).read_bytes()) if name == "signed" else None
                with Client(
                    told["FENGSUI_URL"],
                    told["FENGSUI_APPLICATION"],
                    token=None if key else token,
                    key=key,
                ) as client:
                    found[name] = round_of(
                        client, told["FENGSUI_SIGN_KEY"], told["FENGSUI_BOX_KEY"]
                    )
    except ClientError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
