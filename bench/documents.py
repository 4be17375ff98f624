"""Office documents: real ones where a folder of them lies beside the repository, else generated ones."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

from bench.prose import Prose

REAL_DOCUMENTS = Path(__file__).resolve().parents[2] / "shared" / "corpus" / "documents"
_MEDIA_TYPES = {
    ".doc": "application/msword",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xls": "application/vnd.ms-excel",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".ppt": "application/vnd.ms-powerpoint",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
_LEAST_BYTES = 17_500
_GENERATED = 240
_RELATIONS = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="{target}"/>'
    "</Relationships>"
)
_CONTENT_TYPES = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" '
    'ContentType="application/xml"/><Default Extension="png" ContentType="image/png"/></Types>'
)


class Document(NamedTuple):
    """One office document as it would be attached."""

    name: str
    media_type: str
    data: bytes


class Documents(NamedTuple):
    """A set of documents and where it came from, in words for the report."""

    origin: str
    documents: list[Document]


def attachments(source: random.Random) -> Documents:
    """Return documents of a size that people send around (17 kB and more)."""
    real = [document for document in _real() if len(document.data) >= _LEAST_BYTES]
    if real:
        return Documents(f"{len(real)} real office documents", real)
    made = list(_generated(source, _GENERATED))
    return Documents(f"{len(made)} generated office documents", made)


def _real() -> Iterator[Document]:
    if not REAL_DOCUMENTS.is_dir():
        return
    for path in sorted(REAL_DOCUMENTS.rglob("*")):
        media_type = _MEDIA_TYPES.get(path.suffix.lower())
        if media_type is not None and path.is_file():
            yield Document(path.name, media_type, path.read_bytes())


def _generated(source: random.Random, count: int) -> Iterator[Document]:
    prose = Prose(source)
    for number in range(count):
        title = prose.title().replace(" ", "-")
        if number % 2:
            name, data = f"{title}.docx", _word_file(source, prose)
        else:
            name, data = f"{title}.xlsx", _sheet_file(source)
        yield Document(name, _MEDIA_TYPES[Path(name).suffix], data)


def _word_file(source: random.Random, prose: Prose) -> bytes:
    paragraphs = prose.paragraphs(source.randint(4_000, 120_000))
    runs = "".join(f"<w:p><w:r><w:t>{escape(text)}</w:t></w:r></w:p>" for text in paragraphs)
    namespace = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    body = f'<?xml version="1.0"?><w:document xmlns:w="{namespace}"><w:body>{runs}</w:body></w:document>'
    picture = source.randbytes(source.randint(10_000, 250_000))
    return _package("word/document.xml", body, {"word/media/image1.png": picture})


def _sheet_file(source: random.Random) -> bytes:
    rows = []
    for row in range(1, source.randint(400, 4_000)):
        cells = "".join(f"<c><v>{source.randint(0, 10**6) / 100:.2f}</v></c>" for _ in range(12))
        rows.append(f'<row r="{row}">{cells}</row>')
    namespace = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    sheet = f'<?xml version="1.0"?><worksheet xmlns="{namespace}"><sheetData>{"".join(rows)}</sheetData></worksheet>'
    return _package("xl/worksheets/sheet1.xml", sheet, {})


def _package(main: str, body: str, extra: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("[Content_Types].xml", _CONTENT_TYPES)
        package.writestr("_rels/.rels", _RELATIONS.format(target=main))
        package.writestr(main, body)
        for name, data in extra.items():
            package.writestr(name, data)
    return out.getvalue()
