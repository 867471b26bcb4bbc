"""Refusals: what a caller is told, one class for each canonical code, with a stable reason of domain/16."""

from dataclasses import dataclass
from typing import ClassVar

# A refusal travels in the trailers, and clients drop trailers of more than 8 KiB: the whole refusal with them.
VIOLATIONS_MAX = 30
FIELDS_IN_MESSAGE_MAX = 10


@dataclass(frozen=True, slots=True)
class Violation:
    """One field of a request that is malformed: `field` is its path in the request, `description` a sentence."""

    field: str
    description: str


class Refusal(Exception):
    """A command or query was refused; nothing was recorded.

    `reason` is stable and documented (UPPER_SNAKE); `message` may be shown to an officer and never holds a personal value.
    """

    code: ClassVar[str] = "FAILED_PRECONDITION"

    def __init__(
        self,
        reason: str,
        message: str = "",
        *,
        rule: str = "",
        violations: tuple[Violation, ...] = (),
        retry_after_s: float = 0.0,
    ) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message or reason
        self.rule = rule
        self.violations = violations
        self.retry_after_s = retry_after_s


class Invalid(Refusal):
    """The request is malformed; `violations` names every field at once, VIOLATIONS_MAX of them at most."""

    code = "INVALID_ARGUMENT"

    def __init__(self, *violations: Violation, reason: str = "INVALID_REQUEST") -> None:
        named = violations[:VIOLATIONS_MAX]
        if more := len(violations) - len(named):
            named += (Violation("", f"{more} more fields are malformed"),)
        fields = ", ".join(v.field for v in named[:FIELDS_IN_MESSAGE_MAX] if v.field)
        super().__init__(reason, f"the request is malformed: {fields}", violations=named)


class NotFound(Refusal):
    """No such thing, or not the caller's to know: both look the same from outside."""

    code = "NOT_FOUND"

    def __init__(self, reason: str = "SEALED_OR_NOT_FOUND", message: str = "no such record is open to the caller") -> None:
        super().__init__(reason, message)


class IllegalState(Refusal):
    """The rules refuse the command in this state."""

    code = "FAILED_PRECONDITION"


class VersionConflict(Refusal):
    """Somebody else appended to the stream first; read again and decide again."""

    code = "ABORTED"

    def __init__(self, message: str = "the stream has moved on; read it again") -> None:
        super().__init__("VERSION_CONFLICT", message)


class KeyTaken(Refusal):
    """A key that only one stream may have belongs to another one; decide again, knowing that."""

    code = "ABORTED"

    def __init__(self) -> None:
        super().__init__("KEY_TAKEN", "a number that is unique was recorded elsewhere just now")


class RequestMismatch(Refusal):
    """The same request id arrived with another body."""

    code = "ALREADY_EXISTS"

    def __init__(self) -> None:
        super().__init__("REQUEST_ID_REUSED", "this request_id was used for another request")


class NotAllowed(Refusal):
    """The caller is known and may not do this."""

    code = "PERMISSION_DENIED"


class Unauthenticated(Refusal):
    """The caller could not be identified."""

    code = "UNAUTHENTICATED"


class Overloaded(Refusal):
    """A limit is reached; `retry_after_s` says when to come back."""

    code = "RESOURCE_EXHAUSTED"

    def __init__(self, message: str = "too much work is waiting", retry_after_s: float = 1.0) -> None:
        super().__init__("OVERLOADED", message, retry_after_s=retry_after_s)


class Unavailable(Refusal):
    """The journal cannot be reached; whether the command was recorded is unknown; repeat it with its request_id."""

    code = "UNAVAILABLE"

    def __init__(self, message: str = "the journal cannot be reached", retry_after_s: float = 1.0) -> None:
        super().__init__("UNAVAILABLE", message, retry_after_s=retry_after_s)


class AlreadyTracked(Refusal):
    """The follower's stored position is not before this one: the effect is already there."""

    code = "ALREADY_EXISTS"

    def __init__(self) -> None:
        super().__init__("ALREADY_TRACKED", "the effect of this position is already recorded")
