"""A stream's name in the vault must be one name for one stream, whatever the source calls its accounts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupd.domain.streams import StreamName
from backupd.errors import UsageError

ANY_TEXT = st.text(
    st.characters(), min_size=1, max_size=40
)  # lone surrogates, slashes and percent signs included


@given(ANY_TEXT)
def test_any_account_comes_back(account: str) -> None:
    name = StreamName("con-1", account, "mail")
    assert StreamName.parse(str(name)) == name


@given(ANY_TEXT)
def test_the_name_is_plain_text_of_three_parts(account: str) -> None:
    text = str(StreamName("con-1", account, "mail"))
    assert text.count("/") == 2
    assert text.isascii() and text.isprintable()


@given(ANY_TEXT, ANY_TEXT)
def test_two_accounts_never_share_a_name(one: str, other: str) -> None:
    same = str(StreamName("c", one, "mail")) == str(StreamName("c", other, "mail"))
    assert same == (one == other)


@pytest.mark.parametrize(
    "text", ["", "a/b", "a/b/c/d", "a//mail", "a/%4/mail", "a/%ZZ/mail", "a/%41/mail", "a/é/mail"]
)
def test_what_no_stream_is_called_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        StreamName.parse(text)
