"""REST-JSON: the protocol of runtime and events, one path per operation."""

from openpersonalize.protocol.dialect import Dialect

CONTENT_TYPE = b"application/json"

PATHS = {
    "GetRecommendations": "/recommendations",
    "GetPersonalizedRanking": "/personalize-ranking",
    "GetActionRecommendations": "/action-recommendations",
    "PutEvents": "/events",
    "PutItems": "/items",
    "PutUsers": "/users",
    "PutActions": "/actions",
    "PutActionInteractions": "/action-interactions",
}

REST = Dialect(
    content_type=CONTENT_TYPE,
    # SDKs leave the content type out of some requests.
    accepted=frozenset({CONTENT_TYPE, b"application/x-amz-json-1.1", b""}),
    body_limit=4 * 1024 * 1024,
    statuses={
        "InvalidInputException": 400,
        "ResourceNotFoundException": 404,
        "ResourceInUseException": 409,
        "UnknownOperationException": 404,
        "IncompleteSignatureException": 403,
        "InvalidSignatureException": 403,
        "AccessDeniedException": 403,
        "RequestEntityTooLargeException": 413,
        "UnsupportedMediaTypeException": 415,
        "ThrottlingException": 429,
        "InternalFailure": 500,
        "ServiceUnavailableException": 503,
    },
)
