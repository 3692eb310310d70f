"""Writes sm2_negative.json: what an SM2 implementation must refuse, and odd things it must accept.

    python tests/vectors/sm/make_negative.py

The file is the same each time. Where one check alone stands between an input and its acceptance
(a range, the curve equation, C3), the input is made so that it passes everything else: a library
without that check accepts it.
"""

import json
from pathlib import Path

from making.ciphertexts import ciphertexts, raw_ciphertexts
from making.keys import exchanges, private_keys, public_key_infos, public_keys
from making.signatures import digest_signatures, message_signatures

FILE = Path(__file__).with_name("sm2_negative.json")


def main() -> None:
    groups = [
        message_signatures(),
        digest_signatures(),
        ciphertexts(),
        raw_ciphertexts("c1c3c2"),
        raw_ciphertexts("c1c2c3"),
        public_keys(),
        public_key_infos(),
        private_keys(),
        exchanges(),
    ]
    number = 0
    for one in groups:
        for test in one["tests"]:
            number += 1
            test["number"] = number
    content = {
        "algorithm": "SM2",
        "standard": "GB/T 32918-2016, curve of GB/T 32918.5-2017; forms of GB/T 35276-2017",
        "made_by": "tests/vectors/sm/make_negative.py",
        "number_of_tests": number,
        "groups": groups,
    }
    FILE.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
