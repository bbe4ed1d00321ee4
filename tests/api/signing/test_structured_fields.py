from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.api.signatures.structured_fields import InnerList, read_byte_sequences, read_labelled_list

keys = st.from_regex(r"[a-z*][a-z0-9_.*-]{0,10}", fullmatch=True)
texts = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=10)
values = st.one_of(texts, st.integers(-(10**15) + 1, 10**15 - 1))
lists = st.builds(
    InnerList,
    st.lists(texts, min_size=1, max_size=5, unique=True).map(tuple),
    st.dictionaries(keys, values, max_size=5),
)
near_misses = st.text(st.sampled_from('ab1=(): ;,"\\-*?\t'), max_size=40)


@given(keys, lists)
def test_a_list_that_was_printed_is_read_back(label: str, printed: InnerList) -> None:
    assert read_labelled_list(f"{label}={printed}") == (label, printed)


@given(near_misses)
def test_anything_else_is_one_error(text: str) -> None:
    for read in (read_labelled_list, read_byte_sequences):
        with suppress(ValueError):
            assert read(text)


def test_blanks_where_the_standard_allows_them() -> None:
    _, read = read_labelled_list('a=( "x"   "y" );b=1;  c="d"')
    assert str(read) == '("x" "y");b=1;c="d"'


def test_byte_sequences_by_key() -> None:
    assert read_byte_sequences("a=:AAE=:\t,  b-2=:/+8=:") == {"a": b"\x00\x01", "b-2": b"\xff\xef"}


@pytest.mark.parametrize(
    "text",
    ["", "a", "a=:A:", "a=:AAA:", "a=:AA==:,", "a=:AA==:, a=:AA==:", "A=:AA==:", "a=AA==", "a=:A A==:", "a=:_-8=:"],
)
def test_malformed_byte_sequences_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_byte_sequences(text)
