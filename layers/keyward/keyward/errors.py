"""The tree of errors.

    KeywardError
    ├── InvalidInputError            input that cannot be right; never retried
    │   ├── InvalidEventError        an event on the bus
    │   └── InvalidRecordError       a record in the Customers table
    ├── PolicyRefusedError           no version of the policy parameter is usable
    ├── UnknownPlanError             the policy does not name the plan
    ├── DuplicatePlanError           two usage plans of one name on the gateway
    ├── KeyValueTakenError           the customer's own value belongs to another key
    ├── KeyInOtherPlanError          the key is in another plan of the same stage
    ├── PlanRefusedError             the plan did not take the key, which is where it was
    ├── KeyGoneError                 the gateway no longer has a key that the records name
    ├── LogsUnreadableError          the access log of a stage cannot be read
    ├── CustomerNotFoundError
    ├── ApiNotFoundError
    ├── PassingError                 what can pass: Step Functions retries these classes
    │   ├── ThrottledError           429; nothing happened
    │   │   ├── PlanThrottledError         UpdateUsagePlan, 1 call in 20 s
    │   │   └── DeploymentThrottledError   CreateDeployment, 1 call in 5 s
    │   ├── ConcurrentModificationError    409 of a parallel write; nothing happened
    │   ├── GatewayUnavailableError  5xx, time-out, connection: the call may have had an effect
    │   ├── TryUnderwayError         an earlier try may still be on its way
    │   ├── PlanBusyError            another run makes or changes the usage plan
    │   └── RecordUndatedError       a record put by hand, whose stream record was not seen yet
    ├── LeaseLostError               another run took over: plan anew
    ├── StageMovedError              somebody moved the stage meanwhile: plan anew
    ├── WorkingCopyChangedError      somebody edited the API meanwhile: plan anew
    └── GatewayRefusedError          4xx that will not pass
        ├── NotFoundError            404
        └── ConflictError            409
            ├── KeyConflictError     a key with this value exists
            └── StageConflictError   one key would be in two plans of one stage

The names are a contract: AWS Lambda reports the class name as errorType, and the state machines'
Retry and Catch name these classes (a test holds them together). No message ever holds a key value.
"""

from __future__ import annotations


class KeywardError(Exception):
    """Base of all that Keyward raises on purpose."""


class InvalidInputError(KeywardError):
    """Input that cannot be right. The message names the field, the problem and the remedy."""

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        super().__init__(f"{field}: {problem}. {remedy}")
        self.field = field


class InvalidEventError(InvalidInputError):
    """An event on the bus that cannot be right; it ends in the DLQ."""


class InvalidRecordError(InvalidInputError):
    """A record in the Customers table that cannot be right; the run ends with CustomerFailed."""


class PolicyRefusedError(KeywardError):
    """The policy parameter holds no usable version."""


class UnknownPlanError(KeywardError):
    """The policy does not name the plan; the message lists the plans that it names."""


class DuplicatePlanError(KeywardError):
    """Two usage plans of one name: Keyward cannot know which is meant."""


class KeyValueTakenError(KeywardError):
    """Another key has the value that the customer wants to bring."""


class KeyInOtherPlanError(KeywardError):
    """The key is in another plan that holds the same stage; the message names the plans by id."""


class PlanRefusedError(KeywardError):
    """A plan did not take a key; the message says why, and which plan the key is in."""


class KeyGoneError(KeywardError):
    """The records name a key that the gateway no longer has."""


class LogsUnreadableError(KeywardError):
    """The access log of a stage cannot be read; the message says why, and the remedy."""


class CustomerNotFoundError(KeywardError):
    """No customer, or no key of the customer, under this id."""


class ApiNotFoundError(KeywardError):
    """No RestApi under this id in this account and Region."""


class PassingError(KeywardError):
    """What can pass by itself; the state machines retry it."""


class ThrottledError(PassingError):
    """HTTP 429: the account's quota; nothing happened."""


class PlanThrottledError(ThrottledError):
    """UpdateUsagePlan is allowed once in 20 s (limits.html)."""


class DeploymentThrottledError(ThrottledError):
    """CreateDeployment is allowed once in 5 s (limits.html)."""


class ConcurrentModificationError(PassingError):
    """HTTP 409 because of a parallel write; nothing happened."""


class GatewayUnavailableError(PassingError):
    """No answer, or a 5xx: the call may have had an effect."""


class TryUnderwayError(PassingError):
    """An earlier try may still be on its way: look again after the client's time-out."""


class PlanBusyError(PassingError):
    """Another run is making or changing the usage plan."""


class RecordUndatedError(PassingError):
    """A record put by hand whose stream record, and so its date, was not seen yet."""


class LeaseLostError(KeywardError):
    """Another run holds the lease now; this one must not write any more."""


class StageMovedError(KeywardError):
    """The stage points to another deployment than the plan was made for."""


class WorkingCopyChangedError(KeywardError):
    """The working copy is not the one that the plan was made for."""


class GatewayRefusedError(KeywardError):
    """API Gateway refused the call, and would refuse it again."""


class NotFoundError(GatewayRefusedError):
    """HTTP 404."""


class ConflictError(GatewayRefusedError):
    """HTTP 409 that will not pass."""


class KeyConflictError(ConflictError):
    """A key with this value exists already."""


class StageConflictError(ConflictError):
    """One key would be in two plans of one stage; attaching twice answers the same."""
