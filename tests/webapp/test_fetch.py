"""Fetching an address: only from the open internet, with caps, and with words when it fails.

A server on this machine plays the internet; a resolver and a rule of the tests' own let it through.
"""

from __future__ import annotations

import hashlib
import ipaddress
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from webapp.services.addresses import Address, is_public, resolve
from webapp.services.fetch import Fetcher, FetchError, fetch_to_store
from webapp.services.storage import original_path

BODY = bytes(range(256)) * 40


class _Handler(BaseHTTPRequestHandler):
    """``/to?URL`` forwards; the other paths are bodies of different kinds."""

    asked: list[tuple[str, str]] = []

    def do_GET(self) -> None:
        self.asked.append((self.headers["Host"], self.path))
        path, _, query = self.path.partition("?")
        if path == "/to":
            self.send_response(302)
            self.send_header("Location", query)
            self.end_headers()
        elif path == "/page":
            self._send(b"<html>", "text/html; charset=utf-8")
        elif path == "/missing.jpg":
            self.send_error(404)
        elif path == "/slow":
            self._drip()
        elif path == "/slow-headers":
            self._drip(headers=True)
        elif path == "/cut":
            self._send(BODY[:100], "image/png", length=len(BODY))
        elif path == "/endless":
            self._endless()
        elif path == "/empty":
            self._send(b"", "image/png")
        else:
            self._send(BODY, "image/jpeg")

    def _send(self, body: bytes, kind: str, *, length: int | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def _drip(self, *, headers: bool = False) -> None:
        self.wfile.write(b"HTTP/1.0 200 OK\r\n" if headers else b"HTTP/1.0 200 OK\r\n\r\n")
        try:
            for _ in range(200):
                self.wfile.write(b"X")
                self.wfile.flush()
                time.sleep(0.02)
        except OSError:
            return

    def _endless(self) -> None:
        self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
        try:
            while True:
                self.wfile.write(BODY)
        except OSError:
            return

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def port() -> Iterator[int]:
    _Handler.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


NAMES = {
    "pictures.example": ["127.0.0.1"],
    "inside.example": ["10.0.0.7"],
    "half.example": ["127.0.0.1", "192.168.1.1"],
}


def _resolve(host: str, port: int, seconds: float) -> list[str]:
    if host not in NAMES:
        return resolve(host, port, seconds)
    return NAMES[host]


def _let_the_test_server_pass(address: Address) -> bool:
    return str(address) == "127.0.0.1" or is_public(address)


def _fetcher(**changes: object) -> Fetcher:
    values = {
        "max_bytes": 100_000, "seconds": 5.0, "resolver": _resolve, "allowed": _let_the_test_server_pass,
    }  # fmt: skip
    return Fetcher(**{**values, **changes})  # type: ignore[arg-type]


def _fetch(url: str, **changes: object) -> tuple[bytes, str]:
    with _fetcher(**changes).open(url) as (chunks, name):
        return b"".join(chunks), name


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.10", "169.254.169.254", "100.64.0.1", "0.0.0.0",  # noqa: S104
        "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1",
        "fc00::1", "fd12::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2002:a00:1::", "2001:db8::1",
        "2001:0:53aa:64c:0:fbff:f5ff:fffe",
    ],
)  # fmt: skip
def test_an_address_inside_is_not_public(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text", ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_an_address_of_the_open_internet_is_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f000001",
        "127.1",
        "0",
        "0177.0.0.1",
    ],
)
def test_this_machine_is_refused_however_it_is_written(host: str, port: int) -> None:
    fetcher = Fetcher(max_bytes=1000, seconds=5.0, resolver=_system_resolver)
    with (
        pytest.raises(FetchError, match="not on the public internet"),
        fetcher.open(f"http://{host}:{port}/a.jpg"),
    ):
        pass
    assert _Handler.asked == []


def _system_resolver(host: str, port: int, seconds: float) -> list[str]:
    """The system's own, which takes ``127.1`` and ``0x7f000001`` for addresses too, past the tests' guard."""
    import socket

    from tests.network_guard import _getaddrinfo

    return [str(entry[4][0]) for entry in _getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def test_a_name_with_one_private_address_among_others_is_refused(port: int) -> None:
    with pytest.raises(FetchError, match="not on the public internet"):
        _fetch(f"http://half.example:{port}/a.jpg")
    assert _Handler.asked == []


def test_the_body_and_its_name_arrive_and_the_host_is_told(port: int) -> None:
    body, name = _fetch(f"http://pictures.example:{port}/album/caf%C3%A9%20one.jpg?size=big")
    assert (body, name) == (BODY, "café one.jpg")
    assert _Handler.asked == [(f"pictures.example:{port}", "/album/caf%C3%A9%20one.jpg?size=big")]


def test_the_file_is_stored_under_its_digest(port: int) -> None:
    stored, name = fetch_to_store(f" http://pictures.example:{port}/a.jpg ", fetcher=_fetcher())
    assert name == "a.jpg"
    assert stored.sha256 == hashlib.sha256(BODY).hexdigest()
    assert original_path(stored.sha256).read_bytes() == BODY


def test_a_redirect_is_followed(port: int) -> None:
    body, name = _fetch(f"http://pictures.example:{port}/to?/b.png")
    assert (body, name) == (BODY, "b.png")


@pytest.mark.parametrize(
    "target", ["http://inside.example/", "http://169.254.169.254/latest", "http://[::1]/"]
)
def test_a_redirect_to_the_inside_is_refused(port: int, target: str) -> None:
    with pytest.raises(FetchError, match="not on the public internet"):
        _fetch(f"http://pictures.example:{port}/to?{target}")


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "gopher://pictures.example/", "ftp://pictures.example/a"]
)
def test_a_redirect_to_another_protocol_is_refused(port: int, target: str) -> None:
    with pytest.raises(FetchError, match="http://"):
        _fetch(f"http://pictures.example:{port}/to?{target}")


def test_a_ring_of_redirects_ends(port: int) -> None:
    with pytest.raises(FetchError, match="too many times"):
        _fetch(f"http://pictures.example:{port}/to?/to?/to?/to?/to?/to?/to?/a.jpg")
    assert len(_Handler.asked) == 6


def test_a_name_that_turns_private_after_the_check_gains_nothing(port: int) -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.7"]])
    body, _ = _fetch(f"http://rebind.example:{port}/a.jpg", resolver=lambda *_: next(answers))
    assert body == BODY
    assert next(answers) == ["10.0.0.7"], "the name was looked up once, and the connection went there"


def test_a_name_that_turns_private_before_the_redirect_is_refused(port: int) -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.7"]])
    with pytest.raises(FetchError, match="not on the public internet"):
        _fetch(f"http://rebind.example:{port}/to?/a.jpg", resolver=lambda *_: next(answers))


def test_a_body_announced_too_large_is_refused_before_it_is_read(port: int) -> None:
    with (
        pytest.raises(FetchError, match="larger than the limit"),
        _fetcher(max_bytes=100).open(f"http://pictures.example:{port}/a.jpg"),
    ):
        pass


def test_an_endless_body_is_cut_at_the_limit(port: int) -> None:
    with pytest.raises(FetchError, match="larger than the limit"):
        _fetch(f"http://pictures.example:{port}/endless")


@pytest.mark.parametrize("path", ["slow", "slow-headers"])
def test_a_dripping_server_is_left_at_the_deadline(port: int, path: str) -> None:
    begun = time.monotonic()
    with pytest.raises(FetchError, match="took too long"):
        _fetch(f"http://pictures.example:{port}/{path}", seconds=0.4)
    assert time.monotonic() - begun < 2


def test_a_name_server_that_does_not_answer_is_left_at_the_deadline() -> None:
    def never(host: str, port: int, seconds: float) -> list[str]:
        raise TimeoutError

    with pytest.raises(FetchError, match="took too long"):
        _fetch("http://silent.example/a.jpg", resolver=never)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("missing.jpg", "error 404"),
        ("page", "web page"),
        ("cut", "broke before the whole file"),
        ("empty", "empty file"),
    ],
)
def test_each_bad_answer_has_its_words(port: int, path: str, words: str) -> None:
    with pytest.raises(FetchError, match=words):
        _fetch(f"http://pictures.example:{port}/{path}")


def test_nobody_at_the_door_is_said_so() -> None:
    with pytest.raises(FetchError, match="does not answer"):
        _fetch("http://pictures.example:9/a.jpg")


def test_a_name_that_does_not_exist_is_said_so() -> None:
    def unknown(host: str, port: int, seconds: float) -> list[str]:
        raise OSError("Name or service not known")

    with pytest.raises(FetchError, match="no web server called “nowhere"):
        _fetch("http://nowhere.example/a.jpg", resolver=unknown)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.jpg",
        "ftp://pictures.example/a.jpg",
        "http://",
        "http:///a",
        "http://a:99999/",
        "http://[::1",
        "javascript:1",
    ],
)
def test_what_is_no_web_address_is_said_so(url: str) -> None:
    with pytest.raises(FetchError, match="http://"):
        _fetch(url)


def test_a_password_in_the_address_is_refused(port: int) -> None:
    with pytest.raises(FetchError, match="password"):
        _fetch(f"http://me:secret@pictures.example:{port}/a.jpg")


def test_an_https_connection_demands_the_names_certificate() -> None:
    from urllib.parse import urlsplit

    connection = _fetcher()._connection(urlsplit("https://pictures.example/a.jpg"), time.monotonic() + 5)
    assert (connection.host, connection.port) == ("127.0.0.1", 443)
    assert connection.server_hostname == connection.assert_hostname == "pictures.example"  # type: ignore[attr-defined]
    connection.close()
