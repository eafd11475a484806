"""The settings that every service has, read once from the process's environment.

A setting `NAME` may also be given as `NAME_FILE`, the path of a file that holds it:
this is how secrets come in.
"""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic.fields import FieldInfo

__all__ = [
    "ConfigurationError",
    "Names",
    "Network",
    "ServiceSettings",
    "environment",
    "load",
]

S = TypeVar("S", bound="ServiceSettings")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

Names = Annotated[
    tuple[str, ...], NoDecode, BeforeValidator(lambda given: _words(given))
]
"""A list separated by commas."""

Networks = Annotated[tuple[Network, ...], NoDecode]
"""Addresses or networks, separated by commas."""


class ConfigurationError(Exception):
    """A setting is missing or wrong: whoever started the service has to change it."""


class ServiceSettings(BaseSettings):
    """What every service can be told."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True
    )

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    reuse_port: bool = False
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    cors_origins: Names = Field(
        (), validation_alias=AliasChoices("cors_origin", "cors_origins")
    )
    rate_limit_max: int = Field(120, ge=0)
    rate_limit_window_ms: int = Field(60_000, ge=100)
    trusted_proxies: Networks = ()
    allowed_ips: Networks = ()
    max_body_bytes: int = Field(1 << 20, ge=1)

    auth_mode: Literal["open", "api-key", "jwt"] = "open"
    api_keys: SecretStr | None = None
    jwt_algorithm: Literal["HS256", "RS256"] = "HS256"
    jwt_secret: SecretStr | None = None
    jwt_public_key: str | None = None
    jwt_issuer: str | None = None
    jwt_audience: str | None = None

    drain_seconds: float = Field(0.5, ge=0, le=60)
    shutdown_seconds: int = Field(10, ge=1, le=300)

    @field_validator("trusted_proxies", "allowed_ips", mode="before")
    @classmethod
    def _networks(cls, given: object) -> object:
        words = _words(given)
        if not isinstance(words, tuple):
            return words
        return tuple(ipaddress.ip_network(word, strict=False) for word in words)

    @classmethod
    def settings_customise_sources(  # noqa: PLR0917 - the signature is pydantic's
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read what was given in code, the environment, the files that it names."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, _NamedFiles(settings_cls)


class _NamedFiles(PydanticBaseSettingsSource):
    """The settings whose value is in the file that `NAME_FILE` names."""

    def get_field_value(
        self, field: FieldInfo, field_name: str
    ) -> tuple[Any, str, bool]:
        del field
        path = os.environ.get(f"{field_name}_file".upper())
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text("utf-8").strip("\r\n"), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f'cannot read {field_name.upper()}_FILE "{path}": {error}'
            ) from error

    def __call__(self) -> dict[str, Any]:
        return dict(self._found())

    def _found(self) -> Iterator[tuple[str, Any]]:
        for name, field in self.settings_cls.model_fields.items():
            value, _, _ = self.get_field_value(field, name)
            if value is not None:
                yield name, value


def load(kind: type[S], **given: Any) -> S:
    """Return a service's settings from the environment; `given` comes first.

    Raises:
        ConfigurationError: one of them is wrong, with its name.
    """
    try:
        return kind(**given)
    except ValidationError as error:
        told = (_problem(one) for one in error.errors(include_input=False))
        raise ConfigurationError("; ".join(told)) from None


def environment() -> Mapping[str, str]:
    """Return a copy of the process's environment variables, for a child process."""
    return dict(os.environ)


def _problem(error: Mapping[str, Any]) -> str:
    name = ".".join(str(part) for part in error["loc"]).upper()
    return f"{name or 'settings'}: {error['msg']}"


def _words(given: object) -> object:
    if isinstance(given, str):
        return tuple(word.strip() for word in given.split(",") if word.strip())
    return given
