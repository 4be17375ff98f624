"""Office files made up for the demonstration: real containers with made-up words, numbers and pictures."""

from __future__ import annotations

import io
import random
import zipfile
import zlib

_VOCABULARY = """
the of and to in for is on that by this with you it not or be are from at as your all have new more
an was we will can us about if my has but our one other do no information time they site may what
which their out use any there see only so his when contact here business who web also now help get
view online first been would how were services some these click its like service than find price
date back top people had list name just over state year day into email two health world next used go
work last most products music buy data make them should product system post her city policy number
such please available copyright support message after best software then jan good video well where
info rights public books high school through each links she review years order very privacy book
items company read group need many user said de does set under general research university january
mail full map reviews program life know games way days management part could great united hotel real
invoice quarter budget contract meeting delivery warehouse customer supplier project schedule
estimate report
"""
WORDS = _VOCABULARY.split()


def sentence(chance: random.Random) -> str:
    """Return a sentence of common words."""
    words = chance.choices(WORDS, k=chance.randint(5, 18))
    return " ".join(words).capitalize() + "."


def paragraphs(chance: random.Random, count: int) -> list[str]:
    """Return that many paragraphs."""
    return [" ".join(sentence(chance) for _ in range(chance.randint(2, 7))) for _ in range(count)]


def document(chance: random.Random) -> tuple[str, str, bytes]:
    """Return (extension, media type, bytes) of one made-up office file of 10 kB to 400 kB."""
    make = chance.choices((_docx, _xlsx, _pdf), weights=(5, 3, 4))[0]
    return make(chance)


def _docx(chance: random.Random) -> tuple[str, str, bytes]:
    body = "".join(
        f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in paragraphs(chance, chance.randint(10, 120))
    )
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    parts = {
        "[Content_Types].xml": _content_types(
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
        ),
        "word/document.xml": f'<?xml version="1.0"?><w:document xmlns:w="{space}"><w:body>{body}</w:body></w:document>',
    }
    picture = chance.randbytes(chance.choice((0, 20_000, 60_000, 250_000)))
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    return "docx", kind, _container(parts, "word/media/image1.jpeg", picture)


def _xlsx(chance: random.Random) -> tuple[str, str, bytes]:
    rows = "".join(
        f'<row r="{row}">'
        + "".join(
            f'<c r="{column}{row}"><v>{chance.randint(0, 99_999) / 100}</v></c>' for column in "ABCDEFGH"
        )
        + "</row>"
        for row in range(1, chance.randint(60, 900))
    )
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    parts = {
        "[Content_Types].xml": _content_types(
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        ),
        "xl/worksheets/sheet1.xml": f'<?xml version="1.0"?><worksheet xmlns="{space}"><sheetData>{rows}</sheetData>'
        "</worksheet>",
    }
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return (
        "xlsx",
        kind,
        _container(parts, "xl/media/image1.png", chance.randbytes(chance.choice((0, 15_000)))),
    )


def _pdf(chance: random.Random) -> tuple[str, str, bytes]:
    out = io.BytesIO()
    out.write(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    for number in range(1, chance.randint(3, 30)):
        text = "\n".join(f"({line}) Tj T*" for line in paragraphs(chance, 6)).encode()
        packed = zlib.compress(text) + chance.randbytes(chance.choice((0, 0, 5_000, 15_000)))
        out.write(b"%d 0 obj\n<< /Length %d /Filter /FlateDecode >>\nstream\n" % (number, len(packed)))
        out.write(packed + b"\nendstream\nendobj\n")
    out.write(b"trailer\n<< /Root 1 0 R >>\n%%EOF\n")
    return "pdf", "application/pdf", out.getvalue()


def _content_types(kind: str) -> str:
    space = "http://schemas.openxmlformats.org/package/2006/content-types"
    default = f'<Default Extension="xml" ContentType="{kind}.main+xml"/>'
    return f'<?xml version="1.0"?><Types xmlns="{space}">{default}</Types>'


def _container(parts: dict[str, str], picture_name: str, picture: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
        if picture:
            archive.writestr(zipfile.ZipInfo(picture_name), picture, zipfile.ZIP_STORED)
    return out.getvalue()
