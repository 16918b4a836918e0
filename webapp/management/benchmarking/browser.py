"""A browser's part of a search, without the browser: post a picture, and ask as often as the page asks."""

from __future__ import annotations

import http.client
import re
import secrets
import time
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from urllib.parse import urlsplit

# What the unfinished panel tells htmx: whom to ask, and after how many milliseconds.
PANEL = re.compile(r'id="panel"[^>]*hx-get="([^"]+)"[^>]*delay:(\d+)ms')


@dataclass(slots=True)
class Page:
    status: int
    location: str
    text: str


@dataclass(slots=True)
class Visitor:
    """One person's session on ``host:port``."""

    host: str
    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def search(self, picture: bytes, name: str = "query.jpg") -> float:
        """Seconds from sending the picture until the finished page is there."""
        form = self._form(picture, name)
        begun = time.perf_counter()
        posted = self.open("/search/", *form, method="POST")
        if posted.status != 302:
            raise RuntimeError(f"The search was refused with {posted.status}.")
        page = self.open(posted.location)
        while found := PANEL.search(page.text):
            time.sleep(int(found[2]) / 1000)
            page = self.open(found[1].replace("&amp;", "&"), headers={"HX-Request": "true"})
        if "hx-get" in page.text and 'aria-busy="true"' in page.text:
            raise RuntimeError("The page asks in a way that this benchmark does not know.")
        return time.perf_counter() - begun

    def _form(self, picture: bytes, name: str) -> tuple[bytes, dict[str, str]]:
        if "csrftoken" not in self.cookies:
            self.open("/")
        boundary = secrets.token_hex(16)
        before = (
            f"--{boundary}\r\n"
            'Content-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n'
            f"{self.cookies['csrftoken']}\r\n--{boundary}\r\n"
            f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: image/jpeg\r\n\r\n"
        )
        body = before.encode() + picture + f"\r\n--{boundary}--\r\n".encode()
        return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}

    def open(
        self,
        address: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        *,
        method: str = "GET",
    ) -> Page:
        """One request with the session's cookies; redirects are left to the caller."""
        path = urlsplit(address)._replace(scheme="", netloc="").geturl()
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.request(method, path, body, {**(headers or {}), "Cookie": cookies})
            response = connection.getresponse()
            for line in response.headers.get_all("Set-Cookie") or []:
                self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
            return Page(response.status, response.headers.get("Location", ""), response.read().decode())
        finally:
            connection.close()
