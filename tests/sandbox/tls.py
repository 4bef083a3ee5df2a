"""Discord's own host names, answered by a local port over TLS, for an unchanged discord.py."""

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typing_extensions import override

NAMES = ("discord.com", "gateway.discord.gg", "cdn.discordapp.com", "*.discord.media")


class DiscordResolver(AbstractResolver):
    """Leads Discord's names to one port of this machine and refuses every other, so nothing leaks."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.refused: list[str] = []

    @override
    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        if host not in NAMES and not host.endswith(".discord.media"):
            self.refused.append(host)
            raise OSError(f"{host} is not Discord")
        return [ResolveResult(hostname=host, host="127.0.0.1", port=self._port, family=2, proto=0, flags=4)]

    @override
    async def close(self) -> None:
        return


def contexts(directory: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a certificate for Discord's names; returns the server's context and one that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sandbox")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName(host) for host in NAMES]
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([*names, address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (directory / "cert.pem").write_bytes(certificate.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (directory / "key.pem").write_bytes(private)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(directory / "cert.pem", directory / "key.pem")
    return server, ssl.create_default_context(cafile=str(directory / "cert.pem"))


def connector(resolver: DiscordResolver, trusting: ssl.SSLContext) -> aiohttp.TCPConnector:
    """Return what `discord.Client(connector=...)` takes."""
    return aiohttp.TCPConnector(limit=0, resolver=resolver, ssl=trusting)
