"""The values of an event's `error`: names of our errors, and codes of trouble that ends no run."""

from __future__ import annotations

from keyward.errors import BY_NAME, KeywardError, RefusalError

# Nothing that ends a run or refuses an event is of these classes themselves.
BASES = (KeywardError, RefusalError)

# Codes of events that tell of trouble which ends no run, and what each means.
OTHER_CODES = {
    "KeysInTwoPlans": "keys of the usage plan are in another plan of this stage",
    "PlanOfOthers": "the stage is in a usage plan that is not Keyward's",
    "PolicyNarrows": "an edit of the policy takes something from customers, or opens many methods",
    "PublishesMore": "a deployment would publish more than the keys that Keyward requires",
    "RolledBack": "a person had the stage rolled back",
    "SourceOpen": "a template opens methods again with each release",
    "Unverified": "what a stage serves could not be read, or is not as planned",
}


def codes() -> dict[str, str]:
    """List what an event's `error` may be, and what it means: our errors, and OTHER_CODES."""
    ours = {
        name: (kind.__doc__ or "").partition(". ")[0]
        for name, kind in BY_NAME.items()
        if kind not in BASES
    }
    return {n: " ".join(words.split()).rstrip(".") for n, words in (ours | OTHER_CODES).items()}
