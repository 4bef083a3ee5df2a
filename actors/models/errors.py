"""Why a model did not answer."""

from typing import ClassVar

from config.errors import TroupeError


class ModelError(TroupeError):
    """The model did not answer.

    Attributes:
        elsewhere: it is the model's or its server's matter, so another model may answer the same request.
    """

    elsewhere: ClassVar[bool] = False
    user_message = "My thoughts did not come through."


class ModelUnavailableError(ModelError):
    """The model server cannot be reached or answered 5xx."""

    retryable = True
    elsewhere = True
    user_message = "My model server does not answer right now."


class ModelTimeoutError(ModelError):
    """The model did not answer within the deadline or fell silent mid-stream."""

    retryable = True
    elsewhere = True
    user_message = "I took too long to think."


class ModelRateLimitedError(ModelError):
    """The provider answered 429."""

    retryable = True
    elsewhere = True
    user_message = "I am being asked too much at once; try again in a moment."


class ModelAuthError(ModelError):
    """The provider refused the key (401 or 403)."""

    elsewhere = True
    user_message = "The key for my model is not accepted; the owner can mend it with /model."


class ModelQuotaError(ModelError):
    """The account behind the key has no credit left (402)."""

    elsewhere = True
    user_message = "The account behind my model has run out of credit."


class ModelNotFoundError(ModelError):
    """The server does not know the model or the path (404)."""

    elsewhere = True
    user_message = "My model server does not know the model it was asked for."


class BadRequestError(ModelError):
    """The server refused the request (400, 413, 422)."""

    user_message = "My model could not take that in."


class ContextTooLongError(BadRequestError):
    """The prompt does not fit the model's context window."""

    user_message = "That was more than I can hold in mind at once."


class ContentRefusedError(ModelError):
    """The provider's filter refused prompt or answer."""

    user_message = "My model declined to answer that."


class BadAnswerError(ModelError):
    """The server answered something that is not the protocol, such as HTML."""

    retryable = True
    elsewhere = True
    user_message = "What came back from my model made no sense."


class StreamBrokenError(ModelError):
    """The stream ended without its regular end, after some text may have come."""

    retryable = True
    elsewhere = True
    user_message = "I lost my thread in the middle."


class EmptyAnswerError(ModelError):
    """The model ended without saying anything visible."""

    retryable = True
    elsewhere = True
    user_message = "I had nothing to say, which is unlike me."


class ModelRestingError(ModelError):
    """The circuit of the model is open: it is not asked for a while. `retry_after` says for how long."""

    elsewhere = True
    user_message = "My model is resting after repeated failures; try again in a moment."


class ModelOverloadedError(ModelError):
    """Too many requests wait for the model, or no place came free within the deadline."""

    elsewhere = True
    user_message = "So many are talking to me that I did not get to you; please try again in a moment."
