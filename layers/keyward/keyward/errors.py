"""The tree of errors, and which of them pass.

    KeywardError
    ├── RefusalError                 what somebody asked for cannot be; told, and no failure
    │   ├── InvalidInputError        input that cannot be right; never retried
    │   │   ├── InvalidEventError    an event on the bus
    │   │   └── InvalidRecordError   a record in the Customers table
    │   ├── KeyValueTakenError       the customer's own value belongs to another key
    │   ├── KeyNotTakenError         the key that a record names cannot be the customer's
    │   ├── PlanRefusedError         the plan did not take the key, which is where it was
    │   ├── CustomerNotFoundError
    │   ├── NoSignUpError            events came for a customer, and its sign-up did not
    │   ├── StillSuspendedError      a bill or a date stops keys that a person wants to work
    │   └── ApiNotFoundError
    ├── PolicyRefusedError           no version of the policy parameter is usable
    ├── UnknownPlanError             the policy, which is its owner's, does not name the plan
    ├── DuplicatePlanError           two usage plans of one name on the gateway
    ├── PlanOfAnotherStackError      the usage plan of that name has another stack's tag
    ├── KeyInOtherPlanError          the key is in another plan of the same stage
    ├── KeyGoneError                 the gateway no longer has a key that the records name
    ├── LogsUnreadableError          the access log of a stage cannot be read
    ├── RemovalsHeldError            too many records were removed within an hour
    ├── PassingError                 passes by itself: the run is planned anew, then postponed
    │   ├── ThrottledError           429 of API Gateway; nothing happened
    │   │   ├── PlanThrottledError         UpdateUsagePlan, 1 call in 20 s
    │   │   └── DeploymentThrottledError   CreateDeployment, 1 call in 5 s
    │   ├── ConcurrentModificationError    409 of a parallel write; nothing happened
    │   ├── GatewayUnavailableError  5xx, time-out, connection: the call may have had an effect
    │   ├── ServiceUnavailableError  any other AWS service: throttled, 5xx, time-out, connection
    │   ├── WriteConflictError       another transaction of DynamoDB has the item
    │   ├── TryUnderwayError         an earlier try may still be on its way
    │   ├── PlanBusyError            another run makes or changes the usage plan
    │   ├── RecordUndatedError       a record put by hand, whose stream record was not seen yet
    │   ├── LeaseLostError           another run took over
    │   ├── StoppedError             a person stopped writes to API Gateway
    │   ├── StageMovedError          somebody moved the stage meanwhile
    │   └── WorkingCopyChangedError  somebody edited the API meanwhile
    ├── ConditionNotMetError         a conditional write: the item is not as it was read
    ├── ServiceRefusedError          any AWS service but API Gateway refused for good
    │   ├── AlreadyExistsError       an execution of this name
    │   └── ResourceMissingError     no such execution, object or parameter
    └── GatewayRefusedError          4xx that will not pass
        ├── QuotaFullError           the account has as many of a resource as it may have
        │   └── KeysFullError        10,000 API keys
        ├── NotFoundError            404
        └── ConflictError            409
            ├── KeyConflictError     a key with this value exists
            └── StageConflictError   one key would be in two plans of one stage

The names are a contract: AWS Lambda reports the class name as errorType. Each machine's Retry names
`PASSING` (a test holds them together). No message holds a key value.
"""

from __future__ import annotations

from typing import ClassVar


class KeywardError(Exception):
    """Base of all that Keyward raises on purpose. `helps` is the command of `keyward` that helps a
    run which failed so (events/remedy.py): `start` begins it anew, `history` tells who asked."""

    helps: ClassVar[str] = "start"


class RefusalError(KeywardError):
    """What was asked for cannot be. Who asked is told; the run ends SUCCEEDED with `refused`."""


class InvalidInputError(RefusalError):
    """Input that cannot be right. The message names the field, the problem and the remedy."""

    helps = "history"

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        super().__init__(f"{field}: {problem}. {remedy}")
        self.field = field


class WrongAnswerError(InvalidInputError):
    """An answer to a hold, or a request to roll back, that fits nothing Keyward holds."""

    helps = "holds"


class InvalidEventError(InvalidInputError):
    """An event on the bus that cannot be right; it ends in the DLQ."""

    helps = "dlq list"


class InvalidRecordError(InvalidInputError):
    """A record in the Customers table that cannot be right; the run ends with CustomerFailed."""


class PolicyRefusedError(KeywardError):
    """The policy parameter holds no usable version."""

    helps = "policy show --wanted"


class UnknownPlanError(KeywardError):
    """The policy does not name the plan; the message lists the plans that it names."""

    helps = "policy show"


class DuplicatePlanError(KeywardError):
    """Two usage plans of one name: Keyward cannot know which is meant."""


class PlanOfAnotherStackError(KeywardError):
    """The usage plan belongs to another stack; the message names the plan and the stack."""


class KeyValueTakenError(RefusalError):
    """Another key has the value that the customer wants to bring."""


class KeyNotTakenError(RefusalError):
    """The key that a record names by its id cannot become the customer's; the message says why."""


class KeyInOtherPlanError(KeywardError):
    """The key is in another plan that holds the same stage; the message names the plans by id."""


class PlanRefusedError(RefusalError):
    """A plan did not take a key; the message says why, and which plan the key is in."""


class KeyGoneError(KeywardError):
    """The records name a key that the gateway no longer has."""


class LogsUnreadableError(KeywardError):
    """The access log of a stage cannot be read; the message says why, and the remedy."""


class CustomerNotFoundError(RefusalError):
    """No customer, or no key of the customer, under this id."""

    helps = "history"


class StillSuspendedError(InvalidInputError):
    """Keys were to work, and a bill, a subscription or a date keeps the customer suspended."""


class NoSignUpError(RefusalError):
    """Events came for a customer of whom no sign-up is known."""

    helps = "history"


class RemovalsHeldError(KeywardError):
    """Too many records of customers were removed within an hour; a person has to answer."""

    helps = "holds"


class ChangedAgainError(KeywardError):
    """Others keep changing what Keyward puts right; it is left alone until they stop."""


class ApiNotFoundError(RefusalError):
    """No RestApi under this id in this account and Region."""


class PassingError(KeywardError):
    """An error that passes: the run is planned anew, or postponed by `retry_after` and longer."""

    retry_after: ClassVar[int] = 15


class ThrottledError(PassingError):
    """HTTP 429: the account's quota; nothing happened."""


class PlanThrottledError(ThrottledError):
    """UpdateUsagePlan is allowed once in 20 s (limits.html)."""

    retry_after = 20


class DeploymentThrottledError(ThrottledError):
    """CreateDeployment is allowed once in 5 s (limits.html)."""


class ConcurrentModificationError(PassingError):
    """HTTP 409 because of a parallel write; nothing happened."""


class GatewayUnavailableError(PassingError):
    """No answer, or a 5xx: the call may have had an effect."""


class ServiceUnavailableError(PassingError):
    """A service other than API Gateway refused or failed: the call may have had an effect."""


class WriteConflictError(PassingError):
    """Another transaction of DynamoDB has the item just now; nothing was written."""


class TryUnderwayError(PassingError):
    """An earlier try may still be on its way: look again after the client's time-out."""


class PlanBusyError(PassingError):
    """Another run is making or changing the usage plan, or puts a policy that names it in force."""


class RecordUndatedError(PassingError):
    """A record put by hand whose stream record, and so its date, was not seen yet."""


class LeaseLostError(PassingError):
    """Another run holds the lease now; this one must not write any more."""


class StoppedError(PassingError):
    """A person stopped writes to API Gateway (`keyward stop`): no plan helps before that ends."""

    helps = "status"
    retry_after = 60


class StageMovedError(PassingError):
    """The stage points to another deployment than the plan was made for."""


class WorkingCopyChangedError(PassingError):
    """The working copy is not the one that the plan was made for."""


class ConditionNotMetError(KeywardError):
    """DynamoDB refused a conditional write: the item is not as it was read."""


class ServiceRefusedError(KeywardError):
    """A service other than API Gateway refused the call, and would refuse it again."""


class AlreadyExistsError(ServiceRefusedError):
    """An execution of this name exists."""


class ResourceMissingError(ServiceRefusedError):
    """There is no such execution, object or parameter."""


class GatewayRefusedError(KeywardError):
    """API Gateway refused the call, and would refuse it again."""


class QuotaFullError(GatewayRefusedError):
    """The account has as many resources of a kind as it may have. It passes when one is deleted."""


class KeysFullError(QuotaFullError):
    """The account has as many API keys as it may have in a Region: 10,000 (limits.html)."""


class NotFoundError(GatewayRefusedError):
    """HTTP 404."""


class ConflictError(GatewayRefusedError):
    """HTTP 409 that will not pass."""


class KeyConflictError(ConflictError):
    """A key with this value exists already."""


class StageConflictError(ConflictError):
    """One key would be in two plans of one stage; attaching twice answers the same."""


def _with_subclasses(kind: type[KeywardError]) -> dict[str, type[KeywardError]]:
    named = {kind.__name__: kind}
    for below in kind.__subclasses__():
        named |= _with_subclasses(below)
    return named


BY_NAME = _with_subclasses(KeywardError)
PASSING = tuple(sorted(_with_subclasses(PassingError).keys() - {StoppedError.__name__}))
# A function died or never ran (Step Functions guide, "Handling errors"; Lambda's error types).
LAMBDA_DEATHS = (
    *("Lambda.AWSLambdaException", "Lambda.SdkClientException", "Lambda.ServiceException"),
    *("Lambda.TooManyRequestsException", "Lambda.Unknown"),
    *("Runtime.ExitError", "Sandbox.Timedout", "States.Timeout"),
)


def class_named(name: str) -> type[KeywardError] | None:
    """Find the class that Lambda reports as errorType; None for any that is not Keyward's."""
    return BY_NAME.get(name)
