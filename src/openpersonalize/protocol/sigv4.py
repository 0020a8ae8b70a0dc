"""The credential scope of AWS's signature version 4: region, account and service of a request.

Nothing is verified yet: any key is taken. What the scope says is read in
full, so that a request lands in the account and the region that its client believes to talk to.
"""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs

from openpersonalize.errors import IncompleteSignatureException
from openpersonalize.protocol.arns import Scope

ALGORITHM = b"AWS4-HMAC-SHA256"
DEFAULT_ACCOUNT = "000000000000"
CACHED_CREDENTIALS = 4096

_CREDENTIAL = re.compile(
    r"(?P<key>[^/\s,]{1,128})/(?P<date>[0-9]{8})/(?P<region>[a-z0-9-]{1,32})/(?P<service>[a-z0-9-]{1,64})"
    r"/aws4_request"
)
_ACCOUNT = re.compile(r"[0-9]{12}")


@dataclass(frozen=True, slots=True)
class Credential:
    """Whom a request speaks for, and the service it was signed for (empty when unsigned)."""

    scope: Scope
    service: str


class Credentials:
    """Reads credential scopes, and remembers those it has read."""

    def __init__(self, region: str) -> None:
        self.unsigned = Credential(Scope(DEFAULT_ACCOUNT, region), "")
        self.known: dict[bytes, Credential] = {}

    def of_header(self, authorization: bytes) -> Credential:
        """The credential of an Authorization header; raises IncompleteSignatureException."""
        if b"SignedHeaders=" not in authorization or b"Signature=" not in authorization:
            raise IncompleteSignatureException(_missing(authorization))
        prefix = authorization[: authorization.find(b",")]
        if b"Credential=" not in prefix:
            prefix = authorization
        known = self.known.get(prefix)
        return known if known is not None else self._remember(prefix, _parameter(authorization))

    def of_query(self, query: bytes) -> Credential:
        """The credential of a presigned URL, the unsigned one without X-Amz-Credential."""
        if b"X-Amz-Credential" not in query:
            return self.unsigned
        known = self.known.get(query)
        if known is not None:
            return known
        parameters = parse_qs(query.decode("ascii", "replace"))
        return self._remember(query, parameters.get("X-Amz-Credential", [""])[0])

    def _remember(self, key: bytes, text: str) -> Credential:
        match = _CREDENTIAL.fullmatch(text)
        if match is None:
            raise IncompleteSignatureException(
                "Credential must be of the form <access key>/<yyyymmdd>/<region>/<service>/aws4_request."
            )
        access_key = match["key"]
        account = access_key if _ACCOUNT.fullmatch(access_key) else DEFAULT_ACCOUNT
        credential = Credential(Scope(account, match["region"]), match["service"])
        if len(self.known) >= CACHED_CREDENTIALS:
            self.known.clear()
        if len(key) <= 256:
            self.known[key] = credential
        return credential


def _parameter(authorization: bytes) -> str:
    """The value of `Credential=` in a header."""
    _, _, parameters = authorization.partition(b" ")
    for part in parameters.split(b","):
        name, _, value = part.strip().partition(b"=")
        if name == b"Credential":
            return value.decode("ascii", "replace")
    raise IncompleteSignatureException(_missing(authorization))


def _missing(authorization: bytes) -> str:
    if not authorization.startswith(ALGORITHM + b" "):
        return "Authorization header must begin with AWS4-HMAC-SHA256; a request may also have none."
    absent = [
        f"Authorization header requires '{name.decode()}' parameter."
        for name in (b"Credential", b"Signature", b"SignedHeaders")
        if name + b"=" not in authorization
    ]
    return " ".join(absent) or "Authorization header cannot be read."
