"""The route that sends artifacts, without a server around it."""

import asyncio
import io
import zipfile
from dataclasses import replace
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.offers import OFFERS
from app.opening import Source
from app.serving import send_artifacts
from planner import Artifact
from planner.artifacts import sha256_of


def get(name: str) -> Response:
    return send_artifacts(Request({"type": "http", "path_params": {"name": name}}))


async def body_of(response: StreamingResponse) -> bytes:
    return b"".join([bytes(piece) async for piece in response.body_iterator])  # type: ignore[arg-type]


def test_what_a_page_offers_is_sent_and_nothing_else(source: Source, tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    path.write_text("content")
    artifact = Artifact(file="a.onnx", sha256=sha256_of(path), size_bytes=7, max_abs_difference=0.0)
    entry = replace(source.table.entries[0], artifact=artifact)
    name = OFFERS.offer(replace(source.table, entries=(entry,)), tmp_path)
    sent = get(name)
    assert isinstance(sent, StreamingResponse)
    assert sent.headers["Content-Disposition"].startswith("attachment")
    with zipfile.ZipFile(io.BytesIO(asyncio.run(body_of(sent)))) as archive:
        assert archive.read("a.onnx") == b"content"
    assert get("other").status_code == 404
    path.write_text("changed in length")
    assert get(name).status_code == 409
