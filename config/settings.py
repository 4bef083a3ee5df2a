"""Every setting, from the environment or `troupe.toml`; the environment wins."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from config.errors import TroupeError

SIZE = r"^[1-9]\d{0,3}(-[1-9]\d{0,3})?$"
"""A number of workers such as `2`, or its bounds such as `2-8`."""

RESOURCES = r"^\w+=\d+(\.\d+)?(,\w+=\d+(\.\d+)?)*$"
"""What one worker takes of a Ray cluster, such as `CPU=1,GPU=0.5,models=1`."""


class SettingsError(TroupeError):
    """A setting has a value that cannot be used."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator chose. A field's environment name stands in `ENVIRONMENT`."""

    discord_token: str | None = None
    discord_api_url: str | None = None
    discord_gateway_url: str | None = None
    discord_requests_per_s: int = 45
    database_url: str | None = None
    pg_bin: str | None = None
    ray_address: str | None = None
    worker_host: Literal["ray", "processes", "none"] = "ray"
    llm_base_url: str | None = None
    llm_api_key: str | None = None
    llm_model: str | None = None
    llm_gguf: str | None = None
    llm_fallbacks: str | None = None
    llm_concurrency: Annotated[int, msgspec.Meta(ge=1)] = 256
    llm_workers: Annotated[str, msgspec.Meta(pattern=SIZE)] = "2"
    llm_resources: Annotated[str, msgspec.Meta(pattern=RESOURCES)] | None = None
    embedded_resources: Annotated[str, msgspec.Meta(pattern=RESOURCES)] | None = None
    data_dir: str = "~/.local/share/troupe"
    http: str = "127.0.0.1:8210"
    public_url: str | None = None
    sandbox_http: str = "127.0.0.1:8200"
    owner_id: int | None = None
    otlp_endpoint: str | None = None
    log_format: Literal["auto", "console", "json"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    turn_deadline_s: float = 180.0
    backfill_max_age_s: float = 900.0
    window_messages: int = 50
    live_channels: Annotated[int, msgspec.Meta(ge=1)] = 100_000
    settle_s: float = 1.5
    user_turns_per_min: float = 20.0
    user_burst: float = 8.0
    guild_turns_per_min: float = 240.0
    guild_burst: float = 60.0
    turns_at_once: int = 256
    turns_waiting: int = 1024
    chatter_wait_s: float = 30.0

    @property
    def data_path(self) -> Path:
        """The data directory, absolute, with `~` resolved."""
        return Path(self.data_dir).expanduser().resolve()


ENVIRONMENT: Mapping[str, str] = {
    "discord_token": "DISCORD_TOKEN",
    "discord_api_url": "DISCORD_API_URL",
    "discord_gateway_url": "DISCORD_GATEWAY_URL",
    "discord_requests_per_s": "DISCORD_REQUESTS_PER_S",
    "database_url": "DATABASE_URL",
    "pg_bin": "PG_BIN",
    "ray_address": "RAY_ADDRESS",
    "worker_host": "TROUPE_WORKER_HOST",
    "llm_base_url": "LLM_BASE_URL",
    "llm_api_key": "LLM_API_KEY",
    "llm_model": "LLM_MODEL",
    "llm_gguf": "LLM_GGUF",
    "llm_fallbacks": "LLM_FALLBACKS",
    "llm_concurrency": "LLM_CONCURRENCY",
    "llm_workers": "TROUPE_LLM_WORKERS",
    "llm_resources": "TROUPE_LLM_RESOURCES",
    "embedded_resources": "TROUPE_EMBEDDED_RESOURCES",
    "data_dir": "TROUPE_DATA_DIR",
    "http": "TROUPE_HTTP",
    "public_url": "TROUPE_PUBLIC_URL",
    "sandbox_http": "TROUPE_SANDBOX_HTTP",
    "owner_id": "TROUPE_OWNER_ID",
    "otlp_endpoint": "OTEL_EXPORTER_OTLP_ENDPOINT",
    "log_format": "TROUPE_LOG_FORMAT",
    "log_level": "TROUPE_LOG_LEVEL",
    "turn_deadline_s": "TROUPE_TURN_DEADLINE_S",
    "backfill_max_age_s": "TROUPE_BACKFILL_MAX_AGE_S",
    "window_messages": "TROUPE_WINDOW_MESSAGES",
    "live_channels": "TROUPE_LIVE_CHANNELS",
    "settle_s": "TROUPE_SETTLE_S",
    "user_turns_per_min": "TROUPE_USER_TURNS_PER_MIN",
    "user_burst": "TROUPE_USER_BURST",
    "guild_turns_per_min": "TROUPE_GUILD_TURNS_PER_MIN",
    "guild_burst": "TROUPE_GUILD_BURST",
    "turns_at_once": "TROUPE_TURNS_AT_ONCE",
    "turns_waiting": "TROUPE_TURNS_WAITING",
    "chatter_wait_s": "TROUPE_CHATTER_WAIT_S",
}


def load_settings(environ: Mapping[str, str] | None = None, file: Path | None = None) -> Settings:
    """Read the settings; an empty environment variable counts as absent.

    Args:
        environ: the environment; the process's own by default.
        file: a TOML file with the field names as keys; `troupe.toml` in the working directory by default.

    Raises:
        SettingsError: a value has the wrong type, or the file has an unknown key; it names the setting.
    """
    values = _from_file(file or Path("troupe.toml"))
    env = os.environ if environ is None else environ
    values |= {field: env[name] for field, name in ENVIRONMENT.items() if env.get(name)}
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"Bad setting: {_say(str(error))}") from error


def _from_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from error
    if unknown := sorted(set(values) - set(ENVIRONMENT)):
        raise SettingsError(f"{path} has unknown settings: {', '.join(unknown)}")
    return values


def _say(problem: str) -> str:
    for field, name in ENVIRONMENT.items():
        problem = problem.replace(f"`$.{field}`", f"{name} ({field} in troupe.toml)")
    return problem
