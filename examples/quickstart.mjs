// The whole way with the AWS SDK for JavaScript v3: a CSV in a bucket, an import, a training, a campaign,
// recommendations, an event. Nothing here is special to this server but the bucket, which is a folder of its
// data directory: s3://quickstart-js/interactions.csv is data/buckets/quickstart-js/interactions.csv.
//
//   npm install @aws-sdk/client-personalize @aws-sdk/client-personalize-runtime @aws-sdk/client-personalize-events
//   eval "$(openpersonalize env)"
//   node examples/quickstart.mjs [DATA_DIR]

import { mkdirSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { Personalize } from "@aws-sdk/client-personalize";
import { PersonalizeEvents } from "@aws-sdk/client-personalize-events";
import { PersonalizeRuntime } from "@aws-sdk/client-personalize-runtime";

const dataDir = process.argv[2] ?? "data";
const name = `quickstart-js-${Date.now()}`;

const personalize = new Personalize();
const runtime = new PersonalizeRuntime();
const events = new PersonalizeEvents();

// Polls, as on AWS: the SDK has no waiters for this service.
async function active(describe, member) {
  for (;;) {
    const resource = (await describe())[member];
    if (resource.status === "ACTIVE") return resource;
    if (resource.status === "CREATE FAILED") throw new Error(`${member}: ${resource.failureReason}`);
    await sleep(500);
  }
}

// 1. A file in a bucket: 200 users, of whom one half reads poetry and the other half repairs bicycles.
const lines = ["USER_ID,ITEM_ID,TIMESTAMP"];
for (let user = 0; user < 200; user++) {
  const taste = user % 2 ? "poetry" : "bicycle";
  for (let step = 0; step < 10; step++) {
    lines.push(`user-${user},${taste}-${(user * 7 + step * 11) % 30},${1_700_000_000 + user * 100 + step}`);
  }
}
mkdirSync(`${dataDir}/buckets/quickstart-js`, { recursive: true });
writeFileSync(`${dataDir}/buckets/quickstart-js/interactions.csv`, lines.join("\n") + "\n");

// 2. Dataset group, schema, dataset, event tracker.
const schema = JSON.stringify({
  type: "record",
  name: "Interactions",
  namespace: "com.amazonaws.personalize.schema",
  fields: [
    { name: "USER_ID", type: "string" },
    { name: "ITEM_ID", type: "string" },
    { name: "TIMESTAMP", type: "long" },
  ],
  version: "1.0",
});
const { datasetGroupArn } = await personalize.createDatasetGroup({ name });
await active(() => personalize.describeDatasetGroup({ datasetGroupArn }), "datasetGroup");
const { schemaArn } = await personalize.createSchema({ name, schema });
const { datasetArn } = await personalize.createDataset({
  name,
  schemaArn,
  datasetGroupArn,
  datasetType: "Interactions",
});
await active(() => personalize.describeDataset({ datasetArn }), "dataset");
const { eventTrackerArn, trackingId } = await personalize.createEventTracker({ name, datasetGroupArn });
await active(() => personalize.describeEventTracker({ eventTrackerArn }), "eventTracker");

// 3. Import.
const { datasetImportJobArn } = await personalize.createDatasetImportJob({
  jobName: name,
  datasetArn,
  dataSource: { dataLocation: "s3://quickstart-js/interactions.csv" },
  roleArn: "arn:aws:iam::000000000000:role/personalize",
});
await active(() => personalize.describeDatasetImportJob({ datasetImportJobArn }), "datasetImportJob");

// 4. Train and deploy.
const { solutionArn } = await personalize.createSolution({
  name,
  datasetGroupArn,
  recipeArn: "arn:aws:personalize:::recipe/aws-user-personalization",
  performAutoTraining: false,
});
await active(() => personalize.describeSolution({ solutionArn }), "solution");
const { solutionVersionArn } = await personalize.createSolutionVersion({ solutionArn });
await active(() => personalize.describeSolutionVersion({ solutionVersionArn }), "solutionVersion");
console.log("metrics:", (await personalize.getSolutionMetrics({ solutionVersionArn })).metrics);
const { campaignArn } = await personalize.createCampaign({ name, solutionVersionArn, minProvisionedTPS: 1 });
await active(() => personalize.describeCampaign({ campaignArn }), "campaign");

// 5. Recommend, for a user of the file and for one who was never seen, before and after three events.
async function recommend(userId) {
  const { itemList } = await runtime.getRecommendations({ campaignArn, userId, numResults: 5 });
  return itemList.map((item) => item.itemId).join(" ");
}

console.log("user-1:", await recommend("user-1"));
console.log("newcomer:", await recommend("newcomer"));
for (const itemId of ["bicycle-1", "bicycle-2", "bicycle-3"]) {
  await events.putEvents({
    trackingId,
    userId: "newcomer",
    sessionId: "session-1",
    eventList: [{ eventType: "click", itemId, sentAt: new Date() }],
  });
}
console.log("newcomer, after three events:", await recommend("newcomer"));
