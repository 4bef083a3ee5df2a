"""What can go wrong between a reply and its visible message."""

from actors.reply.outlet import DeliveryError


class RequestRefusedError(DeliveryError):
    """Discord refuses this request; the same request again would be refused again."""


class BadFormError(RequestRefusedError):
    """Discord finds a field invalid (code 50035)."""


class MessageGoneError(RequestRefusedError):
    """Somebody deleted the message (code 10008)."""


class WebhookGoneError(DeliveryError):
    """The webhook was deleted (code 10015) or its token changed (50027); another one may do."""

    retryable = True


class WebhookUnavailableError(DeliveryError):
    """The channel gives us no webhook: no permission, or all places are taken."""


class AnswerLostError(DeliveryError):
    """The request may have been carried out or not: the connection broke, or the answer was a 5xx."""

    retryable = True


class BannedError(DeliveryError):
    """Discord's edge blocks this address for a while because of too many bad requests."""

    retryable = True


class NotRecordedError(DeliveryError):
    """The ledger does not take what it is told, so that no message may be posted."""
