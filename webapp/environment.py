"""The one place where environment variables are read. A bad value stops the start and names its variable."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvError, validate

BASE_DIR = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Environment:
    """Parsed settings. Sizes are bytes, times are seconds."""

    data_dir: Path
    secret_key: str
    debug: bool
    allowed_hosts: list[str]
    csrf_trusted_origins: list[str]
    secure_cookies: bool
    bind_host: str
    bind_port: int
    public_search: bool
    import_roots: list[Path]
    database_url: str
    redis_url: str
    polling_interval: float
    model: str
    device: str
    max_upload_bytes: int
    max_pixels: int
    max_duration: float
    decode_memory_bytes: int
    decode_cpu_seconds: int
    decode_wall_seconds: float
    fetch_max_bytes: int
    fetch_seconds: float
    trash_days: int
    query_days: int
    log_level: str


def read_environment() -> Environment:
    """Read and check every variable. Raises :class:`ImproperlyConfigured` with the variable's name."""
    try:
        return _read(Env())
    except EnvError as error:
        raise ImproperlyConfigured(str(error)) from error


def _read(env: Env) -> Environment:
    positive = validate.Range(min=0, min_inclusive=False)
    data_dir = Path(env.str("SIGHTLINE_DATA_DIR", str(BASE_DIR / "data"))).expanduser().absolute()
    mib = 1024 * 1024
    return Environment(
        data_dir=data_dir,
        secret_key=env.str("SIGHTLINE_SECRET_KEY", "") or _kept_secret(data_dir),
        debug=env.bool("SIGHTLINE_DEBUG", False),
        allowed_hosts=env.list("SIGHTLINE_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"]),
        csrf_trusted_origins=env.list("SIGHTLINE_TRUSTED_ORIGINS", []),
        secure_cookies=env.bool("SIGHTLINE_SECURE_COOKIES", False),
        bind_host=env.str("SIGHTLINE_HOST", "127.0.0.1"),
        bind_port=env.int("SIGHTLINE_PORT", 8000, validate=validate.Range(min=0, max=65535)),
        public_search=env.bool("SIGHTLINE_PUBLIC_SEARCH", True),
        import_roots=_folders(env, "SIGHTLINE_IMPORT_ROOTS"),
        database_url=_url(env, "DATABASE_URL", {"sqlite", "postgres", "postgresql"}),
        redis_url=_url(env, "REDIS_URL", {"redis", "rediss"}),
        polling_interval=env.float("SIGHTLINE_POLLING_INTERVAL", 0.05, validate=positive),
        model=env.str("SIGHTLINE_MODEL", "sightline@0"),
        device=env.str("SIGHTLINE_DEVICE", "auto", validate=validate.OneOf(["auto", "cpu", "cuda"])),
        max_upload_bytes=env.int("SIGHTLINE_MAX_UPLOAD_MB", 4096, validate=positive) * mib,
        max_pixels=env.int("SIGHTLINE_MAX_MEGAPIXELS", 120, validate=positive) * 1_000_000,
        max_duration=env.float("SIGHTLINE_MAX_DURATION_HOURS", 6.0, validate=positive) * 3600,
        decode_memory_bytes=env.int("SIGHTLINE_DECODE_MEMORY_MB", 3072, validate=positive) * mib,
        decode_cpu_seconds=env.int("SIGHTLINE_DECODE_CPU_SECONDS", 3600, validate=positive),
        decode_wall_seconds=env.float("SIGHTLINE_DECODE_WALL_SECONDS", 7200.0, validate=positive),
        fetch_max_bytes=env.int("SIGHTLINE_FETCH_MAX_MB", 200, validate=positive) * mib,
        fetch_seconds=env.float("SIGHTLINE_FETCH_SECONDS", 30.0, validate=positive),
        trash_days=env.int("SIGHTLINE_TRASH_DAYS", 30, validate=positive),
        query_days=env.int("SIGHTLINE_QUERY_DAYS", 30, validate=positive),
        log_level=env.str(
            "SIGHTLINE_LOG_LEVEL", "INFO", validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR"])
        ),
    )


def _url(env: Env, name: str, schemes: set[str]) -> str:
    value = env.str(name, "")
    if value and urlsplit(value).scheme not in schemes:
        raise ImproperlyConfigured(f"{name} must start with one of: {', '.join(sorted(schemes))}.")
    return value


def _folders(env: Env, name: str) -> list[Path]:
    values: list[str] = env.list(name, [])
    return [Path(value).expanduser().absolute() for value in values]


def _kept_secret(data_dir: Path) -> str:
    """Make a secret at the first start and keep it beside the data, readable by the owner alone."""
    path = data_dir / "secret_key"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        fresh = data_dir / f"secret_key.{secrets.token_hex(8)}"
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(64))
        with contextlib.suppress(FileExistsError):  # another process was first: its secret wins
            path.hardlink_to(fresh)
        fresh.unlink()
    return path.read_text()
