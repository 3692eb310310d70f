import pickle

import pytest

from crypto.errors import CryptoError


def test_an_error_carries_code_parameters_and_message_and_survives_pickling():
    error = pickle.loads(
        pickle.dumps(CryptoError("crypto.key.malformed", "Not a key.", {"size": 3}))
    )
    assert (error.code, str(error), error.params) == (
        "crypto.key.malformed",
        "Not a key.",
        {"size": 3},
    )


def test_parameters_are_a_copy():
    params = {"size": 3}
    error = CryptoError("crypto.key.malformed", "Not a key.", params)
    params["size"] = 4
    assert error.params == {"size": 3}


def test_an_error_without_parameters_has_none():
    with pytest.raises(CryptoError) as caught:
        raise CryptoError("crypto.key.malformed", "Not a key.")
    assert caught.value.params == {}
