"""Where Discord can fetch a character's picture, if it can at all."""

from urllib.parse import urlsplit

from config.settings import Settings
from storage.records import Personality

LOCAL = {"127.0.0.1", "localhost", "::1"}


class PublicFaces:
    """Addresses of faces on the operators' port.

    Discord must be able to reach them: under `TROUPE_PUBLIC_URL`, or because it runs on this machine itself.
    Otherwise there is no address, and a face travels as the picture of its character's webhook.

    Attributes:
        base: URL of the operators' port, once it is open.
    """

    def __init__(self, settings: Settings) -> None:
        self._public_url = settings.public_url
        self._is_near = urlsplit(settings.discord_api_url or "").hostname in LOCAL
        self.base: str | None = None

    def of(self, person: Personality) -> str | None:
        """Return the address of a character's picture."""
        base = self._public_url or (self.base if self._is_near else None)
        if base is None or person.face_hash is None:
            return None
        return f"{base.rstrip('/')}/faces/{person.face_hash}.png"
