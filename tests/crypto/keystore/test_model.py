from hypothesis import given
from hypothesis import strategies as st

from crypto.keystore.model import Policy, Use


@given(
    policy=st.builds(
        Policy,
        sign_e=st.booleans(),
        decrypt=st.booleans(),
        export=st.booleans(),
        expires_at_us=st.none() | st.integers(0, 2**62),
    )
)
def test_a_policy_comes_back_from_its_text(policy):
    assert Policy.from_text(policy.to_text()) == policy


@given(
    text=st.text() | st.sampled_from(["policy/1  decrypt", "policy/1 export decrypt", "policy/2"])
)
def test_no_second_text_gives_a_policy(text):
    try:
        policy = Policy.from_text(text)
    except ValueError:
        return
    assert policy.to_text() == text


def test_pairs_are_those_with_a_public_half():
    assert [use for use in Use if use.is_pair] == [Use.SIGN, Use.ENCRYPT, Use.EXCHANGE]
