"""A certificate of our own for one run: the stage proves itself to workers on other hosts with it."""

import datetime as dt
import ssl
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VALID = dt.timedelta(days=3650)
SKEW = dt.timedelta(days=1)
"""How far the clocks of two hosts may be apart."""


class Certificate(msgspec.Struct, frozen=True):
    """PEM texts: `public` is given to workers, `private` never leaves this process."""

    public: str
    private: str


def new_certificate() -> Certificate:
    """Make a key and a certificate signed by itself; workers trust exactly this one, by any host name."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "troupe stage")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + VALID)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    return Certificate(public.decode(), private.decode())


def server_context(certificate: Certificate, folder: Path) -> ssl.SSLContext:
    """Return the stage's side. The key passes through a file in the private `folder`, for a moment."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    file = folder / "stage.pem"
    file.touch(0o600)
    try:
        file.write_text(certificate.private + certificate.public, encoding="ascii")
        context.load_cert_chain(file)
    finally:
        file.unlink()
    return context


def client_context(public: str) -> ssl.SSLContext:
    """Return the worker's side, which accepts this one certificate and no other."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.load_verify_locations(cadata=public)
    return context
