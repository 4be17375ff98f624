"""An S3 bucket as the target. Objects change one by one, each at once; what is linked to goes first, deletions last."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from statuspage.errors import SettingsError
from statuspage.publishing.copying import HEARTBEAT, Piece

if TYPE_CHECKING:
    from botocore.client import BaseClient

MANIFEST = ".manifest.json"
CACHE = "public, max-age=30, stale-if-error=86400"


def parse(url: str) -> tuple[str, str]:
    """Bucket and prefix of ``s3://bucket/prefix``."""
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    if not bucket:
        raise SettingsError(f"STATUS_PUBLISH_TO={url!r} names no bucket.")
    return bucket, f"{prefix.strip('/')}/" if prefix.strip("/") else ""


class Bucket:
    """Publishes to a prefix of a bucket; the manifest there tells what need not be sent again."""

    def __init__(self, client: BaseClient, url: str) -> None:
        self._client = cast(Any, client)  # boto3 makes its methods at run time
        self._bucket, self._prefix = parse(url)

    def publish(self, pieces: Iterator[Piece]) -> int:
        """Sends what is new or changed, then deletes what is gone."""
        before = self._manifest()
        after: dict[str, list[str]] = {}
        changed = 0
        for piece in pieces:
            known = before.get(piece.file)
            if piece.depends and known and known[0] == piece.depends:
                after[piece.file] = known
                continue
            body = piece.make()
            digest = hashlib.sha256(body).hexdigest()[:24]
            after[piece.file] = [piece.depends, digest]
            if known and known[1] == digest and piece.file != HEARTBEAT:
                continue
            self._put(piece.file, body, piece.content_type)
            changed += 1
        self._put(MANIFEST, json.dumps(after).encode(), "application/json")
        gone = sorted(set(before) - set(after))
        for start in range(0, len(gone), 1_000):
            self._client.delete_objects(
                Bucket=self._bucket,
                Delete={
                    "Objects": [{"Key": self._prefix + file} for file in gone[start : start + 1_000]],
                    "Quiet": True,
                },
            )
        return changed

    def beat(self, body: bytes) -> None:
        """Replaces the heartbeat object."""
        self._put(HEARTBEAT, body, "application/json")

    def _put(self, file: str, body: bytes, content_type: str) -> None:
        cache = (
            "public, max-age=31536000, immutable"
            if file.startswith("assets/")
            else "no-store"
            if file == HEARTBEAT
            else CACHE
        )
        self._client.put_object(
            Bucket=self._bucket,
            Key=self._prefix + file,
            Body=body,
            ContentType=content_type,
            CacheControl=cache,
        )

    def _manifest(self) -> dict[str, list[str]]:
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + MANIFEST)
        except self._client.exceptions.NoSuchKey:
            return {}
        found: dict[str, list[str]] = json.loads(answer["Body"].read())
        return found
