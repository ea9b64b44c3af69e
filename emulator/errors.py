"""What a call to the emulator can end in, other than an answer.

ApiGatewayError      an error answer: code, HTTP status, message
NoAnswer             an injected fault: the caller gets nothing
  ConnectionRefused  … because there was no connection
  NeverAnswered      … because the answer never comes (with or without effect)
"""

from __future__ import annotations

# the 409 that is no conflict: calls in parallel (aws-recorded.md 4)
CONCURRENT = "Unable to complete operation due to concurrent modification. Please try again later."


class ApiGatewayError(Exception):
    """An error answer of API Gateway; `code` is its `x-amzn-errortype` (aws-recorded.md 0)."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.status = status
        self.message = message


class NoAnswer(Exception):
    """A fault by which the caller gets no answer at all."""


class ConnectionRefused(NoAnswer):
    """The connection was refused; nothing happened."""


class NeverAnswered(NoAnswer):
    """The call was taken and is never answered; its effect the caller cannot know."""


def bad_request(message: str) -> ApiGatewayError:
    """400 BadRequestException."""
    return ApiGatewayError("BadRequestException", 400, message)


def not_found(message: str) -> ApiGatewayError:
    """404 NotFoundException."""
    return ApiGatewayError("NotFoundException", 404, message)


def conflict(message: str) -> ApiGatewayError:
    """409 ConflictException."""
    return ApiGatewayError("ConflictException", 409, message)


def invalid(message: str) -> ApiGatewayError:
    """400 ValidationException, from the layer before the service itself (aws-recorded.md 0)."""
    return ApiGatewayError("ValidationException", 400, message)


def limit_exceeded(message: str) -> ApiGatewayError:
    """429 LimitExceededException: a resource quota is used up (botocore model)."""
    return ApiGatewayError("LimitExceededException", 429, message)


def too_many_requests() -> ApiGatewayError:
    """429 TooManyRequestsException: the account calls too often (api-gateway.md 1)."""
    return ApiGatewayError("TooManyRequestsException", 429, "Too Many Requests")
