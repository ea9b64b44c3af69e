"""Files of new customers that somebody put into the bucket, and their results."""

from __future__ import annotations

import json

from keyward.aws.bucket import Bucket
from keyward.errors import InvalidInputError, ResourceMissingError, ServiceRefusedError
from keyward.values import JSON, frozen, parse_json

RESULT = ".result.json"
# A file of 10,000 customers has about 1 MB; a function holds it, decoded, several times.
MAX_FILE_BYTES = 32 * 2**20


@frozen
class Upload:
    """A version of an object that somebody put; `put_at` is its LastModified (epoch seconds)."""

    version: str
    put_at: int
    content: bytes


class OnboardingFiles(Bucket):
    """Files of new customers under `onboarding/`, each with its result beside it."""

    def load(self, key: str) -> Upload | None:
        """Read the newest version of a file; None when there is none.

        Raises InvalidInputError for a file that is too large, before its content is read, and for a
        file that S3 refuses: encrypted under another key, or in a storage class for archives.
        """
        try:
            answer = self._s3.get_object(Bucket=self.name, Key=key)
        except ResourceMissingError:
            return None
        except ServiceRefusedError as error:
            remedy = "Put it again, encrypted as the bucket does by default"
            raise InvalidInputError("file", f"must be readable, got {error}", remedy) from None
        size = answer["ContentLength"]
        if size > MAX_FILE_BYTES:
            problem = f"must have at most {MAX_FILE_BYTES} bytes, got {size}"
            raise InvalidInputError("file", problem, "Split it into several files")
        content = self._s3.read("GetObject", answer["Body"])
        version = answer.get("VersionId") or answer["ETag"]
        return Upload(version, int(answer["LastModified"].timestamp()), content)

    def result(self, key: str) -> JSON:
        """The result of a file as it was last saved; `{}` when there is none."""
        found = parse_json((self.content(key + RESULT) or b"").decode("utf-8", "replace"))
        return found if isinstance(found, dict) else {}

    def save_result(self, key: str, result: JSON) -> None:
        """Write the result of a file, over the last one."""
        self.put(key + RESULT, json.dumps(result, indent=1))
