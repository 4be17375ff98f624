"""Parts are really taken out where that is possible: else one attachment to forty people is stored forty times."""

from __future__ import annotations

import pytest

from backupd.vault.mail import MIN_PART_BYTES, split
from tests.vault_model.items import message, noise


@pytest.mark.parametrize("eol", [b"\n", b"\r\n"])
@pytest.mark.parametrize("line_length", [64, 72, 76, 998])
def test_attachments_of_the_usual_shapes(eol: bytes, line_length: int) -> None:
    attachments = [noise(1, 50_000), noise(2, 3001), noise(3, 3002)]
    skeleton, parts = split(message(attachments, eol=eol, line_length=line_length))
    assert [part.data for part in parts] == attachments
    assert len(skeleton) < 700


@pytest.mark.parametrize(
    "field",
    [
        b"Content-Transfer-Encoding: base64",
        b"content-transfer-encoding: BASE64",
        b"Content-Transfer-Encoding:Base64",
        b"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment",
    ],
)
def test_headers_as_programs_write_them(field: bytes) -> None:
    assert [part.data for part in split(message([noise(1, 5000)], field=field))[1]] == [noise(1, 5000)]


def test_a_body_on_one_line() -> None:
    _, parts = split(message([noise(1, 5000)], line_length=1 << 20))
    assert [(part.data, part.eol) for part in parts] == [(noise(1, 5000), 0)]


def test_a_message_that_is_one_attachment() -> None:
    head = b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    body = message([noise(1, 5000)]).split(b"\r\n\r\n")[-1].split(b"\r\n--frontier--")[0]
    skeleton, parts = split(head + body + b"\r\n\r\n")
    assert (skeleton, parts[0].data) == (head + b"\r\n\r\n", noise(1, 5000))


def test_small_parts_stay() -> None:
    assert split(message([noise(1, MIN_PART_BYTES // 2)]))[1] == []


def test_an_inexact_part_stays_and_the_next_is_taken() -> None:
    spoiled = message([noise(1, 5000), noise(2, 5000)])
    place = spoiled.index(b"\r\n\r\n", spoiled.index(b"base64")) + 300
    spoiled = spoiled[:place] + b" " + spoiled[place:]
    assert [part.data for part in split(spoiled)[1]] == [noise(2, 5000)]
