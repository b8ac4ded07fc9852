"""Web servers against one that answers what a test says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tinyhttp import Answer, Reply, Request, Tiny, serving
from weft.errors import KeyMissing
from weft.storage.base import Storage
from weft.storage.web import web_storage

FOLDER = (
    "<d:response><d:href>/top/</d:href><d:propstat><d:prop><d:resourcetype><d:collection/></d:resourcetype></d:prop>"
    "<d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"
)
LISTING = '<?xml version="1.0"?><d:multistatus xmlns:d="DAV:">{}</d:multistatus>'
INSIDE = "<d:response><d:href>/top/k</d:href><d:status>HTTP/1.1 404 Not Found</d:status></d:response>"


@contextmanager
def against(answer: Answer, scheme: str, folder: str) -> Iterator[tuple[Storage, Tiny]]:
    with serving(answer) as server:
        storage = web_storage(server.endpoint.replace("http", scheme, 1) + folder, "web", 5, 5)
        try:
            yield storage, server
        finally:
            storage.close()


@pytest.mark.parametrize("inside", ["", INSIDE], ids=["nothing", "a 404"])
def test_a_listing_without_the_name_says_that_it_is_missing(inside: str) -> None:
    def answer(request: Request) -> Reply:
        found = FOLDER if request.path == "/top" else inside
        return Reply(207, LISTING.format(found).encode(), {"Content-Type": "application/xml"})

    with against(answer, "webdav", "/top") as (storage, _):
        assert storage.stat("k") is None
        with pytest.raises(KeyMissing):
            storage.download("k", "/nowhere")


@pytest.mark.parametrize(("folder", "asked"), [("", "/one"), ("/some/where", "/some/where/one")])
def test_a_folder_may_be_the_top_of_the_server(folder: str, asked: str) -> None:
    page = Reply(200, b'<a href="one">one</a>', {"Content-Type": "text/html"})
    with against(lambda request: page if request.path.endswith("/") else Reply(200, b"1"), "http", folder) as (
        it,
        server,
    ):
        assert [found.key for found in it.list("")] == ["one"]
    assert [request.path for request in server.requests if request.method == "HEAD"] == [asked]
