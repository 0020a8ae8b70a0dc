"""The whole way with boto3: a CSV in a bucket, an import, a training, a campaign, recommendations, an event.

Nothing here is special to this server but the bucket, which is a folder of its data directory:
`s3://quickstart/interactions.csv` is `data/buckets/quickstart/interactions.csv`.

    eval "$(openpersonalize env)"
    python examples/quickstart.py [DATA_DIR]
"""

import csv
import json
import random
import sys
import time
from pathlib import Path

import boto3

DATA_DIR = Path(sys.argv[1] if len(sys.argv) > 1 else "data")
NAME = f"quickstart-{int(time.time())}"

personalize = boto3.client("personalize")
runtime = boto3.client("personalize-runtime")
events = boto3.client("personalize-events")


def wait_for(describe, member):
    """Poll, as on AWS: the SDK has no waiters for this service."""
    while True:
        resource = describe()[member]
        if resource["status"] == "ACTIVE":
            return
        if resource["status"] == "CREATE FAILED":
            sys.exit(f"{member}: {resource['failureReason']}")
        time.sleep(0.5)


# 1. A file in a bucket: 200 users, of whom one half reads poetry and the other half repairs bicycles.
folder = DATA_DIR / "buckets" / "quickstart"
folder.mkdir(parents=True, exist_ok=True)
chance = random.Random(1)
with (folder / "interactions.csv").open("w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["USER_ID", "ITEM_ID", "TIMESTAMP"])
    for user in range(200):
        taste = "poetry" if user % 2 else "bicycle"
        for item in chance.sample(range(30), 10):
            writer.writerow([f"user-{user}", f"{taste}-{item}", 1_700_000_000 + chance.randrange(10**6)])

# 2. Dataset group, schema, dataset, event tracker.
schema = {
    "type": "record",
    "name": "Interactions",
    "namespace": "com.amazonaws.personalize.schema",
    "fields": [
        {"name": "USER_ID", "type": "string"},
        {"name": "ITEM_ID", "type": "string"},
        {"name": "TIMESTAMP", "type": "long"},
    ],
    "version": "1.0",
}
group = personalize.create_dataset_group(name=NAME)["datasetGroupArn"]
wait_for(lambda: personalize.describe_dataset_group(datasetGroupArn=group), "datasetGroup")
schema_arn = personalize.create_schema(name=NAME, schema=json.dumps(schema))["schemaArn"]
dataset = personalize.create_dataset(
    name=NAME, schemaArn=schema_arn, datasetGroupArn=group, datasetType="Interactions"
)["datasetArn"]
wait_for(lambda: personalize.describe_dataset(datasetArn=dataset), "dataset")
tracker = personalize.create_event_tracker(name=NAME, datasetGroupArn=group)
wait_for(
    lambda: personalize.describe_event_tracker(eventTrackerArn=tracker["eventTrackerArn"]), "eventTracker"
)

# 3. Import.
job = personalize.create_dataset_import_job(
    jobName=NAME, datasetArn=dataset, dataSource={"dataLocation": "s3://quickstart/interactions.csv"}
)["datasetImportJobArn"]
wait_for(lambda: personalize.describe_dataset_import_job(datasetImportJobArn=job), "datasetImportJob")

# 4. Train and deploy.
solution = personalize.create_solution(
    name=NAME,
    datasetGroupArn=group,
    recipeArn="arn:aws:personalize:::recipe/aws-user-personalization",
    performAutoTraining=False,
)["solutionArn"]
wait_for(lambda: personalize.describe_solution(solutionArn=solution), "solution")
version = personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
wait_for(lambda: personalize.describe_solution_version(solutionVersionArn=version), "solutionVersion")
print("metrics:", personalize.get_solution_metrics(solutionVersionArn=version)["metrics"])
campaign = personalize.create_campaign(name=NAME, solutionVersionArn=version, minProvisionedTPS=1)[
    "campaignArn"
]
wait_for(lambda: personalize.describe_campaign(campaignArn=campaign), "campaign")


# 5. Recommend, for a user of the file and for one who was never seen, before and after three events.
def recommend(user_id):
    answer = runtime.get_recommendations(campaignArn=campaign, userId=user_id, numResults=5)
    return [item["itemId"] for item in answer["itemList"]]


print("user-1:", recommend("user-1"))
print("newcomer:", recommend("newcomer"))
for item in ("bicycle-1", "bicycle-2", "bicycle-3"):
    events.put_events(
        trackingId=tracker["trackingId"],
        userId="newcomer",
        sessionId="session-1",
        eventList=[{"eventType": "click", "itemId": item, "sentAt": time.time()}],
    )
print("newcomer, after three events:", recommend("newcomer"))
