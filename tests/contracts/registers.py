"""What every Registers promises; each adapter's test class inherits this one."""

import pytest

from schema.errors import FengsuiError
from schema.ports import Registers
from schema.registers import FOREVER, Draft, Key, pack_fields, pack_key

REGISTER = "payees"
KEY: Key = ("01", "acct-1")
OTHER: Key = ("01", "acct-2")


def draft(key: Key, value: str, start: int | None = None, end: int = FOREVER) -> Draft:
    return Draft(pack_key(key), pack_fields({"bank": value}), start, end)


def say(registers: Registers, *drafts: Draft, whole: bool = True) -> int:
    """Propose and apply; returns since when it is known."""
    proposed = registers.propose(REGISTER, drafts, whole=whole, source="test.csv", by="zhang")
    return registers.apply(REGISTER, proposed.number, by="li").effective_at


def bank(registers: Registers, key: Key, time: int, known: int = FOREVER) -> object:
    row = registers.view().lookup(REGISTER, key, time, known)
    return row.fields["bank"] if row else None


class RegistersContract:
    """Inherit it and give a fixture ``registers``."""

    def test_a_proposal_is_not_known_until_it_is_approved(self, registers: Registers) -> None:
        proposed = registers.propose(
            REGISTER, [draft(KEY, "icbc", 0)], whole=True, source="a.csv", by="zhang"
        )
        assert proposed.state == "proposed"
        assert bank(registers, KEY, 5) is None
        approved = registers.apply(REGISTER, proposed.number, by="li")
        assert (approved.state, approved.approved_by) == ("approved", "li")
        assert approved.digest == proposed.digest
        assert bank(registers, KEY, 5) == "icbc"

    def test_a_row_without_a_date_holds_from_the_version_on(self, registers: Registers) -> None:
        since = say(registers, draft(KEY, "icbc"))
        assert bank(registers, KEY, since) == "icbc"
        assert bank(registers, KEY, since - 1) is None

    def test_a_change_leaves_the_past_as_it_was(self, registers: Registers) -> None:
        first = say(registers, draft(KEY, "icbc"))
        second = say(registers, draft(KEY, "boc"))
        assert bank(registers, KEY, second - 1) == "icbc"
        assert bank(registers, KEY, second) == "boc"
        assert bank(registers, KEY, second, second - 1) == "icbc"
        assert bank(registers, KEY, second, first - 1) is None

    def test_what_a_whole_list_leaves_out_ends(self, registers: Registers) -> None:
        say(registers, draft(KEY, "icbc"), draft(OTHER, "boc"))
        since = say(registers, draft(KEY, "icbc"))
        assert bank(registers, OTHER, since) is None
        assert bank(registers, OTHER, since - 1) == "boc"
        newest = registers.versions(REGISTER)[0]
        assert (newest.added, newest.changed, newest.ended) == (0, 0, 1)

    def test_single_rows_end_nothing(self, registers: Registers) -> None:
        say(registers, draft(KEY, "icbc"))
        since = say(registers, draft(OTHER, "boc"), whole=False)
        assert (bank(registers, KEY, since), bank(registers, OTHER, since)) == ("icbc", "boc")

    def test_a_correction_of_the_past_is_known_from_now_on_only(self, registers: Registers) -> None:
        say(registers, draft(KEY, "icbc", 0))
        since = say(registers, draft(KEY, "boc", 10, 20), whole=False)
        assert [bank(registers, KEY, at) for at in (9, 10, 19, 20)] == [
            "icbc", "boc", "boc", "icbc",
        ]  # fmt: skip
        assert bank(registers, KEY, 10, since - 1) == "icbc"

    def test_dated_rows_replace_all_that_was_said_of_their_key(self, registers: Registers) -> None:
        say(registers, draft(KEY, "icbc", 0), draft(OTHER, "x", 0))
        say(registers, draft(KEY, "icbc", 5, 10), draft(KEY, "boc", 10), draft(OTHER, "x", 0))
        assert [bank(registers, KEY, at) for at in (4, 5, 10)] == [None, "icbc", "boc"]

    def test_saying_the_same_again_is_no_version(self, registers: Registers) -> None:
        rows = (draft(KEY, "icbc", 5, 10), draft(KEY, "boc", 10), draft(OTHER, "boc"))
        say(registers, *rows)
        with pytest.raises(FengsuiError, match="nothing to change"):
            registers.propose(REGISTER, rows, whole=True, source="a.csv", by="zhang")

    def test_a_row_with_an_end_ends_and_may_be_extended(self, registers: Registers) -> None:
        say(registers, draft(KEY, "icbc", None, FOREVER - 10))
        assert bank(registers, KEY, FOREVER - 11) == "icbc"
        assert bank(registers, KEY, FOREVER - 10) is None
        say(registers, draft(KEY, "icbc"))
        assert bank(registers, KEY, FOREVER - 1) == "icbc"
        since = say(registers, draft(KEY, "icbc", None, FOREVER - 20))
        assert bank(registers, KEY, FOREVER - 20) is None
        assert bank(registers, KEY, since) == "icbc"

    def test_a_new_proposal_takes_the_place_of_the_one_before(self, registers: Registers) -> None:
        first = registers.propose(
            REGISTER, [draft(KEY, "icbc")], whole=True, source="a", by="zhang"
        )
        second = registers.propose(
            REGISTER, [draft(KEY, "boc")], whole=True, source="b", by="zhang"
        )
        with pytest.raises(FengsuiError, match="no open proposal"):
            registers.apply(REGISTER, first.number, by="li")
        since = registers.apply(REGISTER, second.number, by="li").effective_at
        assert bank(registers, KEY, since) == "boc"
        states = [one.state for one in registers.versions(REGISTER)]
        assert states == ["approved", "replaced"]

    def test_an_approved_version_is_not_approved_again(self, registers: Registers) -> None:
        say(registers, draft(KEY, "icbc"))
        with pytest.raises(FengsuiError, match="no open proposal"):
            registers.apply(REGISTER, 1, by="li")

    def test_each_version_is_effective_after_the_one_before(self, registers: Registers) -> None:
        times = [say(registers, draft(KEY, str(at))) for at in range(3)]
        assert times == sorted(set(times))

    def test_versions_chain_their_digests(self, registers: Registers) -> None:
        for value in ("a", "b", "a"):
            say(registers, draft(KEY, value))
        digests = [one.digest for one in registers.versions(REGISTER)]
        assert len(set(digests)) == 3

    def test_a_register_nobody_described_is_refused(self, registers: Registers) -> None:
        with pytest.raises(FengsuiError, match="there is no register"):
            registers.propose("nothing", [draft(KEY, "x")], whole=True, source="a", by="zhang")
