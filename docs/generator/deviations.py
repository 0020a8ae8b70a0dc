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
            "A header that decides (X-Amz-Target, Authorization, Content-Type, Content-Encoding, Host, Origin, "
            "amz-sdk-invocation-id) and is there twice is a SerializationException.",
            "Not documented.",
            "A proxy may have read the other one.",
        ),
        Deviation(
            "A validation error lists 100 violations, and says how many there are; of a value it repeats the "
            "first 1,000 characters.",
            "Not documented.",
            "An answer should not be larger than its request.",
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
            "`rankingInfluence` adds popularity and freshness to the cosines of the most similar items.",
            "It weighs popularity and freshness; the formula is not published.",
            "docs/recipes.md has ours.",
        ),
        Deviation(
            "Campaigns of `aws-semantic-similarity` take promotions.",
            "It is not among the recipes that are said to take them.",
            "They are mixed in after the model has answered, whatever that is.",
        ),
        Deviation(
            "Exploration opens each place of a list with a chance of a third of `explorationWeight`, and tries "
            "out an item there that is young enough, by its relevance and by how little it was taken and shown. "
            "Items without interactions come in no other way.",
            "It does something of the kind; the formula is not published.",
            "docs/recipes.md has ours, and its reasons.",
        ),
        Deviation(
            "What a later version will do is refused with InvalidInputException, or ends in a failed state; "
            "either text begins with `not built yet`.",
            "—",
            "Nothing is ignored in silence, and nothing is ACTIVE that does nothing.",
        ),
    ),
    "Solutions and campaigns": (
        Deviation(
            "performAutoML tries the recipes of recipeList, or all of type USER_PERSONALIZATION without a domain, "
            "aws-popularity-count too, with 5 trials each, and takes the highest metricName, NDCG@25 by default.",
            "It chose among the aws-hrnn recipes, of which no solution can be made any more; how is not documented.",
            "So the switch does what its name says with the recipes there are.",
        ),
        Deviation(
            "A recipe of recipeList that cannot be trained is noted in the job's details with its reason; the version "
            "fails if none can.",
            "Not documented.",
            "One recipe that is missing should not cost the others.",
        ),
        Deviation(
            "performHPO runs 10 trials, one at a time, where hpoResourceConfig says nothing; the first has the given "
            "hyperparameters. hpoObjective chooses among the recipe's metrics; the type Minimize is refused, and "
            "metricRegex has no effect.",
            "No defaults are named, and hpoObjective cannot be configured.",
            "All metrics here are better the higher they are.",
        ),
        Deviation(
            "A training that is expected to need more memory than OPENPERSONALIZE_MEMORY_LIMIT fails before it starts.",
            "Memory is the service's concern.",
            "A reason and a remedy are better than a process that the system has killed.",
        ),
        Deviation(
            "hpoConfig without performHPO, and autoMLConfig without performAutoML, are checked and kept without effect. performHPO of a recipe without tunable parameters is refused.",
            "Not documented.",
            "What cannot be searched should not look searched.",
        ),
        Deviation(
            "trainingMode AUTOTRAIN is what a version has that the schedule made; it is as good as FULL where UPDATE needs one. Sent with CreateSolutionVersion it is taken as FULL.",
            "It is in the model and nowhere in the guide.",
            "The word came with automatic training, and fits nothing else.",
        ),
        Deviation(
            "StopSolutionVersionCreation in any other state than CREATE PENDING or IN_PROGRESS is InvalidInputException; ResourceInUseException while CREATE STOPPING.",
            "Not documented.",
            "It cannot succeed, or has succeeded already.",
        ),
        Deviation(
            "UpdateSolution compares effects: `rate(7 days)` where none was set changes nothing and is refused.",
            "An update without a change is refused.",
            "7 days is what none means.",
        ),
        Deviation(
            "UpdateCampaign of a campaign in CREATE FAILED tries again, with the same version too; a follower is tried again with each new version.",
            "Allowed from CREATE FAILED; no more is documented.",
            "Nothing serves that the attempt could harm.",
        ),
        Deviation(
            "A campaign with syncWithLatestSolutionVersion refuses an explicit version while that stays on; its other settings may be updated without one. DescribeCampaign shows the version in force, never `$LATEST`.",
            "Not documented.",
            "Two answers to which version serves are one too many.",
        ),
        Deviation(
            "An automatic training begins 30 minutes after the solution was made or its schedule changed, and is left out when a version was made meanwhile or no interactions arrived. Missed ones are not made up for. Its versions have trainingType AUTOMATIC. Workers look between two jobs: where all of them are busy for long, it begins when one is free.",
            "Within the hour.",
            "Time to make a version by hand, which most scripts do.",
        ),
    ),
    "Recommenders": (
        Deviation(
            "UpdateRecommender keeps the members of recommenderConfig that it leaves out, and works from ACTIVE alone.",
            "Not documented.",
            "An update names what changes; a stopped recommender is started first.",
        ),
        Deviation(
            "A stopped recommender refuses requests from STOP PENDING on; stopping ends a training under way.",
            "INACTIVE answers no requests.",
            "Who stops it wants it stopped.",
        ),
        Deviation(
            "Weekly trainings fall on whole weeks after the creation and run whether or not data arrived. A failed one leaves the old model serving.",
            "Every 7 days.",
            "A week is a week, whatever was stopped between.",
        ),
        Deviation(
            "DeleteDataset is refused while a recommender of the group is created, updated or trained again.",
            "Imports and solution versions under way are named alone.",
            "What trains keeps the data that it began with.",
        ),
    ),
    "Filters, attribution and jobs": (
        Deviation(
            "A filter looks at a user's whole history under `standard`, at the newest 100 events per type under `aws`.",
            "The newest 100 per type.",
            "A purchase does not become undone by a hundred others.",
        ),
        Deviation(
            "A null equals nothing: `=`, IN and comparisons are false of it, `!=` and NOT IN are true; IF is not met.",
            "Not documented.",
            "No third truth value to reckon with.",
        ),
        Deviation(
            "The 20 columns of all filters of a dataset group are a LimitExceededException with a text of ours.",
            "The text is not documented.",
            "It names the columns.",
        ),
        Deviation(
            "A filter whose dataset goes before its job has run ends CREATE FAILED.",
            "Not documented.",
            "It could keep or remove nothing.",
        ),
        Deviation(
            "Metadata of a null is left out; a promotion takes at least one place, and the nearest whole number of its share.",
            "Not documented.",
            "An empty text would look like a value.",
        ),
        Deviation(
            "A dataset group that is not ACTIVE is InvalidInputException in CreateFilter.",
            "No code for it is in the model.",
            "ResourceInUseException would be unknown to SDKs there.",
        ),
        Deviation(
            "Metric attributions are ACTIVE, but no report is written yet.",
            "Reports to CloudWatch and S3.",
            "A later step; the events that they count are stored.",
        ),
        Deviation(
            "UpdateMetricAttribution: a name that exists is ResourceAlreadyExistsException; removing and adding one name replaces it; more than 10, none left or no change are refused.",
            "Not documented.",
            "Nothing is lost in silence.",
        ),
        Deviation(
            "numResults of batch inference jobs may be 1 to 500, of batch segment jobs 1 to 5,000,000; input and output must be different places.",
            "Not documented.",
            "The limits of the answers that they are made of.",
        ),
        Deviation(
            "The input of a batch segment job is one file, or the first level of a folder whose path ends in a "
            "slash; names that begin with '.' or '_' are left out.",
            "All objects whose keys begin with the path.",
            "What is read can be seen from the path; imports read their folders so.",
        ),
        Deviation(
            "A line that a batch segment job cannot answer has `error` and no `output`; more lines than 500 "
            "items or 10 queries fail the job before anything is written.",
            "An `error` too, without documented texts; the limits are documented, not what exceeding them does.",
            "Nobody takes an error for an empty segment, or a part of the answers for all.",
        ),
        Deviation(
            "Users who had an item are in its segment too: behind all others if fewer than 0.5 % of all events "
            "repeat an item.",
            "Not documented.",
            "Where nobody watches a film twice, those who saw it are not the audience to find.",
        ),
        Deviation(
            "A filter of another target than the job's answers (UserID for segments, ItemID for "
            "recommendations) is InvalidInputException.",
            "Not documented.",
            "The job could only fail.",
        ),
        Deviation(
            "A dataset can be deleted while it is exported; the export fails.",
            "Not documented.",
            "Only imports and trainings are named as obstacles.",
        ),
    ),
    "Records": (
        Deviation(
            "A call with records that are refused names each of them and why, as `eventList.2: …`, and nothing of it is "
            "stored; see [events](events.md).",
            "Not documented.",
            "Whoever mends one should see all.",
        ),
        Deviation(
            "An event without a value of a column that may not be null is refused.",
            "Not documented.",
            "A training that drops it in silence is a worse place to learn of it.",
        ),
        Deviation(
            "In a session of several users, events without a user belong to the one who signs in next, or else last.",
            "The session's history becomes its user's; several are not documented.",
            "Visitors look around before they sign in.",
        ),
        Deviation(
            "The list behind a recommendationId is kept for a day, and for 90 days once an event has named it; a crash may "
            "lose those of the last half second.",
            "Not documented.",
            "Every answer would have to wait for the database otherwise.",
        ),
        Deviation(
            "An empty text among properties is null; unknown keys are ignored; strings of more than 1,000 characters are refused, textual ones cut at 20,000.",
            "Documented for CSV files only.",
            "A record means the same whichever way it came.",
        ),
        Deviation(
            "A put record wins over the file of an import that was asked for before it; FULL imports keep put records.",
            "Documented for imports that begin later.",
            "The newest write wins, by the time at which it was asked for.",
        ),
        Deviation(
            "An action's VALUE must be 1 to 10 and REPEAT_FREQUENCY 0 to 30; event types are Viewed, Taken and Not Taken in any spelling that differs by case, blanks and underscores.",
            "The ranges are documented, the refusal is not.",
            "A wrong value would train something wrong.",
        ),
        Deviation(
            "PutActionInteractions with an unknown trackingId is ResourceNotFoundException.",
            "The code is in the model; its use is not documented.",
            "Nothing else fits.",
        ),
        Deviation(
            "UpdateDataset is refused while an import is under way, and for a schema without a new column.",
            "Not documented.",
            "An import is of the schema that it began with.",
        ),
        Deviation(
            "UntagResource with more than 50 keys is TooManyTagKeysException.",
            "Not documented.",
            "A resource has no more.",
        ),
    ),
    "Deletions": (
        Deviation(
            "What a deleted resource held is gone from the database with it; its files follow 15 to 30 minutes later, when no job can be reading them.",
            "Within a day or so.",
            "A reader keeps what it has opened.",
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
            "All accounts read buckets with the worker's credentials; OPENPERSONALIZE_S3_BUCKETS names those "
            "that may be read. Keys with `//`, `.`, `..` or a backslash can't be named.",
            "The service assumes roleArn.",
            "There is no IAM here.",
        ),
        Deviation(
            "A location that is wrong, missing or forbidden fails the job at once; a server that is away is "
            "tried again before the job fails.",
            "Not documented.",
            "What mends itself should not need a new job.",
        ),
        Deviation(
            "INCREMENTAL imports of action interactions need 1,000 rows, FULL ones none.",
            "The guide's pages contradict each other.",
            "The stricter page speaks of appends.",
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
    "Actions": (
        Deviation(
            "A tenth of the answers has an action without a score, drawn by chance, in its last place; actions "
            "with enough data keep their scores.",
            "Actions that are explored have the score 0.0; how many is not documented.",
            "Something must be learned of new actions, and be bounded.",
        ),
        Deviation(
            "Probabilities less than 0.01 apart are in the order of the actions' VALUE, so scores may rise by "
            "as much within a list.",
            "Of equally likely actions that of the higher VALUE comes first.",
            "Fractions are never equal.",
        ),
        Deviation(
            "Only actions of the Actions dataset are recommended, not those that action interactions alone "
            "name. GetActionRecommendations needs a userId.",
            "Not documented.",
            "What is taken out of the dataset has to go.",
        ),
        Deviation(
            "CreateSolution for aws-next-best-action is refused in a dataset group without an Actions dataset.",
            "The dataset is required; when that is checked is not documented.",
            "Its training could only fail.",
        ),
        Deviation(
            "Key of the metric of actions: area_under_curve.",
            "Named in words only.",
            "Something must be its name.",
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
    "publishAttributionMetricsToS3": "CreateDatasetImportJob: metrics of imported events",
}
"""Members that operations which work refuse with "not built yet"."""

FAILING_TRAINING: Mapping[str, str] = {
    "solutionConfig.eventsConfig": "weights and thresholds of event types",
}
"""Settings of a solution that are checked and kept; a version of one ends CREATE FAILED, "not built yet"."""
