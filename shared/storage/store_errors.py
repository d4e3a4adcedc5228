"""Errors of the object store in a sentence with their remedy, for a person at a terminal."""

import errno
import os
import re

from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

_URL = "TOETSFEEDBACK_STORAGE_URL"

_OS_ERROR = re.compile(r"\(os error ([0-9]+)\)")

_WRITABLE = "give the user of this program permission to read and write there, or change " + _URL
_SPACE = "free some space there"
_FILE_REMEDIES = {
    errno.EACCES: _WRITABLE,
    errno.EPERM: _WRITABLE,
    errno.EROFS: f"mount the file system so that it can be written, or change {_URL}",
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
}
_FILE_REMEDY = f"check the directory of {_URL}"

_REFUSED_KEYS = (
    "correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and let the key list, read, write and "
    "delete in the bucket"
)
_S3_MESSAGES = {
    r"InvalidAccessKeyId": f"the store does not know the access key; {_REFUSED_KEYS}",
    r"SignatureDoesNotMatch": f"the secret of the access key is wrong; {_REFUSED_KEYS}",
    r"RequestTimeTooSkewed": (
        "the clock of this machine differs from that of the store; synchronize both with NTP"
    ),
    r"AuthorizationHeaderMalformed|PermanentRedirect": (
        "the bucket is in another region; correct AWS_REGION"
    ),
    r"NoSuchBucket": f"the bucket does not exist; create it, or change {_URL}",
    r"AccessDenied|Forbidden": f"the store refuses the access key; {_REFUSED_KEYS}",
    r"instance metadata|169\.254\.169\.254|CredentialsNotLoaded": (
        "there is no access key; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    ),
    r"BadScheme|URL scheme is not allowed": (
        "the address of the store begins with http:; use https:, or set AWS_ALLOW_HTTP to true"
    ),
    r"dns error|failed to lookup": (
        "the host of the store has no address; correct AWS_ENDPOINT_URL"
    ),
    r"[Cc]ertificate": (
        "the certificate of the store is not trusted; add that of its authority to the system, and "
        "use the host name of the certificate in AWS_ENDPOINT_URL"
    ),
    r"Connection ?[Rr]efused": (
        "nothing listens at the address of the store; start it, or correct AWS_ENDPOINT_URL"
    ),
    r"TimedOut|timed out|[Tt]imeout,": (
        "the store does not respond in time; check it, AWS_ENDPOINT_URL and the network"
    ),
}
"""Patterns of the messages of obstore, which contain the code of the server's answer."""

_OTHER = f"the store cannot be used; check it, {_URL} and the AWS_… variables"


def explain_store_error(error: BaseException) -> str:
    """Return the cause and the remedy, separated by a semicolon; without keys or object names."""
    number = error.errno if isinstance(error, OSError) else None
    if number is None and (found := _OS_ERROR.search(str(error))) is not None:
        number = int(found[1])
    if number is not None:
        return f"{os.strerror(number).lower()}; {_FILE_REMEDIES.get(number, _FILE_REMEDY)}"
    for pattern, sentence in _S3_MESSAGES.items():
        if re.search(pattern, str(error)):
            return sentence
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return f"the store refuses the access key; {_REFUSED_KEYS}"
    return _OTHER
