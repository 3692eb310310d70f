"""docs/integrator/README.md: its lines run, its bytes come out again, what it tells is so."""

import base64
import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from client_ground import APPLICATION, CACHE, CLIENTS, ROOT, build, tool

from crypto import engines, sm2, sm3
from crypto.engines.python import PythonEngine
from crypto.sm2 import Form, PrivateKey

DOCUMENT = (ROOT / "docs/integrator/README.md").read_text("utf-8")
VECTORS = json.loads((ROOT / "tests/vectors/signing/requests.json").read_text("utf-8"))
MESSAGE = b"pay 100"
K = bytes(range(1, 33))
"""What is random in a signature and a ciphertext of the table."""
HUTOOL, BOUNCY_CASTLE = "5.8.36", "1.81"


def rows():
    scalar = bytes.fromhex(VECTORS["private"])
    with engines.using(PythonEngine(random=lambda size: K[:size])):
        key = PrivateKey.from_scalar(scalar)
        public = key.public
        signature = key.sign(MESSAGE, domain=sm2.DEFAULT_ID)
        sealed = {form: public.encrypt(MESSAGE, form=form) for form in Form}
    hexadecimal = {
        "message, UTF-8": MESSAGE,
        "SM3(message)": sm3.digest(MESSAGE),
        "private scalar d": scalar,
        "public point 04‖x‖y": public.point,
        "Z of ID 1234567812345678": public.identity(domain=sm2.DEFAULT_ID),
        "e = SM3(Z‖message)": public.digest(MESSAGE, domain=sm2.DEFAULT_ID),
        "signature, `raw`: r‖s": sm2.signature_to_raw(signature),
        "signature, `der`": signature,
        "ciphertext, `c1c3c2`": sealed[Form.C1C3C2],
        "ciphertext, `c1c2c3`": sealed[Form.C1C2C3],
        "ciphertext, `der`": sealed[Form.DER],
    }
    yield "key id: first 8 bytes of SM3(point)", public.key_id
    for name, data in hexadecimal.items():
        yield name, data.hex()
    yield "message in JSON, `base64`", base64.b64encode(MESSAGE).decode()
    yield "signature in JSON, `base64` of `der`", base64.b64encode(signature).decode()


ROWS = tuple(rows())


@pytest.mark.parametrize(("name", "text"), ROWS, ids=[name for name, _ in ROWS])
def test_the_table_of_encodings_has_these_bytes(name, text):
    assert f"| {name} | `{text}` |" in DOCUMENT


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)


def test_the_five_minutes_run_as_they_stand(signing_service, tmp_path):
    (tmp_path / "site").symlink_to(signing_service.data)
    (tmp_path / "clients").symlink_to(CLIENTS)
    operator, integrator = blocks("sh")[:2]
    # The site runs already, at a port of its own.
    lines = [line for line in operator.splitlines() if not line.startswith("fengsui up")]
    base = signing_service.base.rstrip("/")
    script = "\n".join([*lines, integrator.replace("http://127.0.0.1:8600", base)])
    assert base in script
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [tool("bash"), "-eu", "-c", script], cwd=tmp_path, check=False, capture_output=True,
        text=True, env={**os.environ, "PATH": path}, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    for said in ('"key":"orders.receipt"', '"valid":true', "Verified OK"):
        assert said in done.stdout, done.stdout


def test_the_lines_in_python_run_with_the_wheel(api, signing_service):
    (lines,) = blocks("python")
    told = lines.replace("http://127.0.0.1:8600", signing_service.base)
    told = told.replace('"orders"', f'"{APPLICATION}"')
    names = {"token": signing_service.token}
    exec(told, names)
    assert names["made"].key == f"{APPLICATION}.receipt"


@pytest.fixture
def ask(signing_service):
    def call(operation, **item):
        asked = urllib.request.Request(
            f"{signing_service.base}v1/crypto/{operation}",
            json.dumps(item).encode(),
            {
                "Authorization": f"Bearer {signing_service.token}",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return json.load(answer)

    return call


@pytest.fixture
def point(signing_service):
    """The public half of one of the service's keys, in hexadecimal."""

    def of(name):
        asked = urllib.request.Request(
            f"{signing_service.base}v1/crypto/keys/{APPLICATION}.{name}",
            headers={"Authorization": f"Bearer {signing_service.token}"},
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return json.load(answer)["versions"][-1]["public_key"]

    return of


def test_the_python_package_gmssl_and_the_service_read_each_other(ask, point):
    from gmssl import sm2 as gmssl

    scalar, public = VECTORS["private"], VECTORS["public"]
    own = gmssl.CryptSM2(private_key=scalar, public_key=public[2:], mode=1)
    text = MESSAGE.decode()
    assert ask(
        "verify", public_key=public, message=text, encoding="utf8",
        signature=own.sign_with_sm3(MESSAGE, "7" * 63), form="raw", output="hex",
    )["valid"]  # fmt: skip
    theirs = ask("sign", key="receipt", message=text, encoding="utf8", form="raw", output="hex")
    signer = gmssl.CryptSM2(private_key="", public_key=point("receipt")[2:], mode=1)
    assert signer.verify_with_sm3(theirs["signature"], MESSAGE)
    box = gmssl.CryptSM2(private_key="", public_key=point("box")[2:], mode=1)
    sealed = "04" + box.encrypt(MESSAGE).hex()
    opened = ask("decrypt", key="box", ciphertext=sealed, form="c1c3c2", output="hex")
    assert bytes.fromhex(opened["plaintext"]) == MESSAGE


def test_hutool_and_the_service_read_each_other(ask, point, tmp_path):
    javac, mvn = tool("javac"), tool("mvn")
    folder = CACHE / "hutool"
    folder.mkdir(parents=True, exist_ok=True)
    jars = []
    for group, name, version in (
        ("cn.hutool", "hutool-core", HUTOOL),
        ("cn.hutool", "hutool-crypto", HUTOOL),
        ("org.bouncycastle", "bcprov-jdk18on", BOUNCY_CASTLE),
    ):
        jar = folder / f"{name}-{version}.jar"
        jars.append(str(jar))
        if not jar.exists():
            build(
                mvn, "-q", "-B", "dependency:copy", f"-Dartifact={group}:{name}:{version}",
                "-DoutputDirectory=.", folder=folder,
            )  # fmt: skip
    (tmp_path / "Old.java").write_text(OLD)
    path = os.pathsep.join((str(tmp_path), *jars))
    build(javac, "-cp", path, "Old.java", folder=tmp_path)
    made = ask("sign", key="receipt", message=MESSAGE.decode(), encoding="utf8", output="hex")
    said = subprocess.run(
        [tool("java"), "-cp", path, "Old", VECTORS["private"], VECTORS["public"], point("receipt"),
         point("box"), made["signature"]],
        check=True, capture_output=True, text=True, timeout=60,
    ).stdout.split()  # fmt: skip
    der, raw, sealed, valid = said
    assert valid == "true"
    for signature, form in ((der, "der"), (raw, "raw")):
        assert ask(
            "verify", public_key=VECTORS["public"], message=MESSAGE.decode(), encoding="utf8",
            signature=signature, form=form, output="hex",
        )["valid"]  # fmt: skip
    opened = ask("decrypt", key="box", ciphertext=sealed, form="c1c3c2", output="hex")
    assert bytes.fromhex(opened["plaintext"]) == MESSAGE


OLD = """
import cn.hutool.core.util.HexUtil;
import cn.hutool.crypto.SmUtil;
import cn.hutool.crypto.asymmetric.KeyType;
import cn.hutool.crypto.asymmetric.SM2;

public final class Old {
    public static void main(String[] given) {
        byte[] message = "pay 100".getBytes();
        SM2 own = SmUtil.sm2(given[0], given[1]);
        System.out.println(HexUtil.encodeHexStr(own.sign(message)));
        System.out.println(HexUtil.encodeHexStr(own.usePlainEncoding().sign(message)));
        System.out.println(SmUtil.sm2(null, given[3]).encryptHex(message, KeyType.PublicKey));
        System.out.println(SmUtil.sm2(null, given[2]).verify(message, HexUtil.decodeHex(given[4])));
    }
}
"""


def test_openssl_and_the_service_read_each_other(ask, point, tmp_path):
    openssl = tool("openssl")
    lines = blocks("sh")[2].splitlines()
    key = PrivateKey.generate()
    (tmp_path / "key.pem").write_bytes(key.to_pem())
    for file, name in (("receipt.pem", "receipt"), ("box.pem", "box")):
        public = sm2.PublicKey.from_point(bytes.fromhex(point(name)))
        (tmp_path / file).write_bytes(public.to_pem())
    (tmp_path / "message.txt").write_bytes(MESSAGE)
    made = ask("sign", key="receipt", message=MESSAGE.decode(), encoding="utf8")
    (tmp_path / "message.sig").write_bytes(base64.b64decode(made["signature"]))
    for line in lines:
        assert line.startswith("openssl ")
        words = [openssl, *line.split()[1:]]
        subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    mine = base64.b64encode((tmp_path / "mine.sig").read_bytes()).decode()
    public = base64.b64encode(key.public.point).decode()
    message = MESSAGE.decode()
    assert ask("verify", public_key=public, message=message, encoding="utf8", signature=mine)
    sealed = base64.b64encode((tmp_path / "message.enc").read_bytes()).decode()
    opened = ask("decrypt", key="box", ciphertext=sealed, output="utf8")
    assert opened["plaintext"] == message
