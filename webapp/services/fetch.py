"""Fetch a picture or clip from a web address that a stranger typed.

The server must not become a way into the network it stands in: every address a name resolves to is
checked, the connection goes to the very address that was checked (so a name that answers differently
the second time gains nothing), and each redirect starts the check again. One deadline covers all of it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from webapp.services.addresses import AddressRule, Resolver, is_public, parse_address, resolve
from webapp.services.storage import StoredFile, store

MAX_REDIRECTS = 5
CHUNK = 64 * 1024
PORTS = {"http": 80, "https": 443}
AGENT = "Sightline (picture search)"


class FetchError(Exception):
    """The address cannot be fetched. ``str(error)`` is a sentence for a person."""


@dataclass(frozen=True, slots=True)
class Fetcher:
    """How to fetch. The defaults are the safe ones; tests pass a resolver and a rule of their own."""

    max_bytes: int
    seconds: float
    resolver: Resolver = resolve
    allowed: AddressRule = is_public

    @contextmanager
    def open(self, url: str) -> Iterator[tuple[Iterator[bytes], str]]:
        """Connect and follow redirects; gives the body's chunks and a file name.

        Raises:
            FetchError: also from the chunks, when the body is too large, too slow or cut off.
        """
        deadline = time.monotonic() + self.seconds
        for _hop in range(MAX_REDIRECTS + 1):
            parts = _parsed(url)
            with self._answer(parts, deadline) as response:
                location = response.get_redirect_location()
                if not location:
                    self._check(response)
                    yield self._chunks(response, deadline), _name(parts)
                    return
                url = urljoin(url, location)
        raise FetchError(_("This address forwards too many times. Try the picture's own address."))

    @contextmanager
    def _answer(self, parts: SplitResult, deadline: float) -> Iterator[BaseHTTPResponse]:
        connection = self._connection(parts, deadline)
        with _cut_off_at(deadline, connection):
            try:
                connection.request("GET", _target(parts), headers=_headers(parts), preload_content=False)
                response = connection.getresponse()
            except (HTTPError, OSError, ValueError) as error:
                connection.close()
                if time.monotonic() >= deadline:
                    raise _too_slow() from error
                raise FetchError(_("“%(host)s” does not answer.") % {"host": parts.hostname}) from error
            try:
                yield response
            finally:
                response.close()
                connection.close()

    def _connection(self, parts: SplitResult, deadline: float) -> HTTPConnection:
        host, port = str(parts.hostname), parts.port or PORTS[parts.scheme]
        address = self._checked_address(host, port, deadline)
        timeout = max(deadline - time.monotonic(), 0.01)
        if parts.scheme == "http":
            return HTTPConnection(address, port, timeout=timeout)
        # Connected to the address, but the certificate must be the name's.
        return HTTPSConnection(address, port, timeout=timeout, server_hostname=host, assert_hostname=host)

    def _checked_address(self, host: str, port: int, deadline: float) -> str:
        try:
            found = self.resolver(host, port, max(deadline - time.monotonic(), 0.01))
        except TimeoutError as error:
            raise _too_slow() from error
        except (OSError, UnicodeError) as error:
            raise FetchError(_("There is no web server called “%(host)s”.") % {"host": host}) from error
        addresses = [parse_address(text) for text in found]
        if not addresses or not all(self.allowed(address) for address in addresses):
            raise FetchError(_("“%(host)s” is not on the public internet.") % {"host": host})
        return str(addresses[0])

    def _check(self, response: BaseHTTPResponse) -> None:
        if response.status != 200:
            raise FetchError(_("The server answered with error %(code)d.") % {"code": response.status})
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind in {"text/html", "application/xhtml+xml"}:
            raise FetchError(_("This is a web page. Give the address of the picture or clip itself."))
        length = response.headers.get("Content-Length", "")
        if length.isdecimal() and int(length) > self.max_bytes:
            raise self._too_large()

    def _chunks(self, response: BaseHTTPResponse, deadline: float) -> Iterator[bytes]:
        received = 0
        while chunk := _read(response, deadline):
            received += len(chunk)
            if received > self.max_bytes:
                raise self._too_large()
            yield chunk
        if not received:
            raise FetchError(_("The server sent an empty file."))

    def _too_large(self) -> FetchError:
        limit = self.max_bytes // (1024 * 1024)
        return FetchError(_("This file is larger than the limit of %(limit)d MB.") % {"limit": limit})


def fetch_to_store(url: str, *, fetcher: Fetcher | None = None) -> tuple[StoredFile, str]:
    """Fetch an address into the store of originals; gives the stored file and a name for it."""
    environment = settings.SIGHTLINE
    fetcher = fetcher or Fetcher(environment.fetch_max_bytes, environment.fetch_seconds)
    with fetcher.open(url.strip()) as (chunks, name):
        return store(chunks, max_bytes=fetcher.max_bytes), name


@contextmanager
def _cut_off_at(deadline: float, connection: HTTPConnection) -> Iterator[None]:
    """Close the connection at the deadline, whatever it waits for: socket timeouts start anew with
    each byte, so a server that drips its headers would hold a thread for ever."""
    timer = threading.Timer(max(deadline - time.monotonic(), 0), _shut, [connection])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _shut(connection: HTTPConnection) -> None:
    """Shut the socket only: closing the file descriptor under a reading thread is not safe."""
    if connection.sock is not None:
        try:
            connection.sock.shutdown(2)
        except OSError:  # it ended by itself at the same moment
            return


def _read(response: BaseHTTPResponse, deadline: float) -> bytes:
    try:
        chunk: bytes = response.read1(CHUNK, decode_content=False)
    except (HTTPError, OSError, ValueError) as error:
        if time.monotonic() >= deadline:
            raise _too_slow() from error
        raise FetchError(_("The connection broke before the whole file came.")) from error
    if time.monotonic() >= deadline:  # a body of unknown length ends like this when it is cut off
        raise _too_slow()
    return chunk


def _parsed(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise FetchError(_("Give a full web address that starts with http:// or https://."))
    if parts.username or parts.password:
        raise FetchError(_("Addresses with a user name or password are not fetched."))
    return parts


def _target(parts: SplitResult) -> str:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return quote(target, safe="%/?:@!$&'()*+,;=~[]|")


def _headers(parts: SplitResult) -> dict[str, str]:
    host = str(parts.hostname)
    host = f"[{host}]" if ":" in host else host.encode("idna").decode()
    host = f"{host}:{parts.port}" if parts.port else host
    return {"Host": host, "User-Agent": AGENT, "Accept": "image/*, video/*", "Accept-Encoding": "identity"}


def _name(parts: SplitResult) -> str:
    name = PurePosixPath(unquote(parts.path)).name or str(parts.hostname)
    return "".join(letter for letter in name if letter.isprintable())[:200] or "file"


def _too_slow() -> FetchError:
    return FetchError(_("The server took too long. Download the file and upload it here instead."))
