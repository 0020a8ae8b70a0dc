"""Where this server differs from Amazon Personalize on purpose, and why; docs/compatibility.md shows it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Deviation:
    """One difference that a user may notice."""

    here: str
    there: str
    why: str


DEVIATIONS: Mapping[str, tuple[Deviation, ...]] = {
    "The wire": (
        Deviation(
            "One port answers the three services; every operation is also at `POST /<OperationName>`.",
            "A host for each service.",
            "One address to configure; curl needs no header.",
        ),
        Deviation(
            "Signatures are not verified yet; the region and, if the access key has 12 digits, the account "
            "come from the signature's scope. Unsigned requests belong to account 000000000000.",
            "Every request is signed, and refused otherwise.",
            "Accounts without a directory of keys; verification is a later step, and until then the server "
            "listens on loopback addresses.",
        ),
        Deviation(
            "A body may be 1 MiB (control plane) or 4 MiB (runtime, events), unpacked too; larger ones get "
            "RequestEntityTooLargeException, status 413.",
            "Not documented.",
            "Something must bound what one request costs.",
        ),
        Deviation(
            "JSON is strict: a member twice, NaN, lone surrogates, NUL characters and integers beyond 64 "
            "bits are a SerializationException. 5.0 is read as the integer 5.",
            "Not documented.",
            "What two readers understand differently is refused; some languages have one kind of number.",
        ),
        Deviation(
            "Request bodies may be gzip; other encodings get UnsupportedMediaTypeException, status 415.",
            "Not documented for this service.",
            "SDKs that pack their requests need nothing switched off.",
        ),
        Deviation(
            "Requests from web pages of another origin get AccessDeniedException.",
            "Browsers are kept away by signatures.",
            "A page of anybody's must not act on a server on loopback.",
        ),
        Deviation(
            "A Create that is repeated with the same `amz-sdk-invocation-id` and body gets the first answer "
            "again, for 15 minutes at least.",
            "ResourceAlreadyExistsException.",
            "An SDK that lost the answer sends the request anew, and its caller did nothing wrong.",
        ),
    ),
    "Resources": (
        Deviation(
            "A token of a list is refused when the list's filters, account or operation changed.",
            "Not documented.",
            "It would go on in another list.",
        ),
        Deviation(
            "Limits on how many objects, jobs or bytes there may be hold under `OPENPERSONALIZE_LIMITS=aws` "
            "only; see [limits](limits.md).",
            "They always hold.",
            "They protect a shared service; your machine is your own.",
        ),
        Deviation(
            "`roleArn` and `kmsKeyArn` are checked for their form, stored and shown; nothing uses them.",
            "The service assumes the role, and encrypts with the key.",
            "Buckets are folders, or reached with the server's own credentials.",
        ),
        Deviation(
            "`minProvisionedTPS` and `minRecommendationRequestsPerSecond` are stored and shown; they reserve "
            "nothing.",
            "They reserve capacity, and are billed.",
            "All deployments share the processes of the server.",
        ),
        Deviation(
            "`itemExplorationConfig`, `rankingInfluence` and `enableMetadataWithRecommendations` are checked, kept "
            "and shown; no answer depends on them yet.",
            "They explore new items, weigh popularity and freshness, and allow metadata in answers.",
            "Later steps; applications that set them can be deployed today.",
        ),
        Deviation(
            "What a later version will do is refused with InvalidInputException, or ends in a failed state; "
            "either text begins with `not built yet`.",
            "—",
            "Nothing is ignored in silence, and nothing is ACTIVE that does nothing.",
        ),
    ),
    "Import and storage": (
        Deviation(
            "`s3://bucket/key` is a file below the data directory unless a real S3 is configured; "
            "`http://` and `https://` locations are refused.",
            "Buckets of S3.",
            "The server fetches nothing from addresses that a request names.",
        ),
        Deviation(
            "The CSV's columns are matched by name, in any order.",
            "The guide asks for the schema's order.",
            "The service's own messages speak of missing columns, not of their places.",
        ),
        Deviation(
            "A failed import's reason names file, line, column, value and remedy.",
            "The reason names the first of them at most.",
            "Somebody has to mend the file.",
        ),
    ),
    "Training and recommendations": (
        Deviation(
            "aws-user-personalization and aws-personalized-ranking are matrix factorisation whose user "
            "vectors are made at the request, from the newest events.",
            "A recurrent network.",
            "See [recipes](recipes.md): what it costs, and how well it does.",
        ),
        Deviation(
            "An item-to-item model knows the direction and distance of pairs.",
            "Co-occurrence; AWS publishes no more.",
            "Measured to be better; see [recipes](recipes.md).",
        ),
        Deviation(
            "An event changes the next answer in the process that took it, and within a second in all.",
            "Within seconds.",
            "The model needs no training to know it.",
        ),
        Deviation(
            "The same data, hyperparameters and number of threads give the same model.",
            "Trainings differ.",
            "A difference between two versions should come from the data.",
        ),
    ),
}

REFUSED: Mapping[str, str] = {
    "filterArn": "GetRecommendations, GetPersonalizedRanking: filters",
    "filterValues": "GetRecommendations, GetPersonalizedRanking: values of a filter's placeholders",
    "promotions": "GetRecommendations: promoted items",
    "metadataColumns": "GetRecommendations, GetPersonalizedRanking: item metadata in answers",
    "context": "GetRecommendations, GetPersonalizedRanking: contextual metadata",
    "publishAttributionMetricsToS3": "CreateDatasetImportJob: metrics of imported events",
}
"""Members that operations which work refuse with "not built yet"."""

FAILING_TRAINING: Mapping[str, str] = {
    "performAutoML": "choosing a recipe by itself",
    "performHPO": "the search for hyperparameters",
    "trainingMode UPDATE": "going on with an earlier version",
    "performIncrementalUpdate": "updates between trainings",
    "solutionConfig.eventsConfig": "weights and thresholds of event types",
    "solutionConfig.optimizationObjective": "an objective beside relevance; OFF trains",
    "solutionConfig.trainingDataConfig": "columns to leave out or to take",
}
"""Settings of a solution that are checked and kept; a version of one ends CREATE FAILED, "not built yet"."""
