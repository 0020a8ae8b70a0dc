// The AWS SDK for JavaScript v3 behind lines of JSON: one call a line on stdin, one answer a line on stdout.
// The environment says where the server is, as `openpersonalize env` prints it. Times are {"$date": ISO 8601}.

import { createInterface } from "node:readline";

import * as personalize from "@aws-sdk/client-personalize";
import * as events from "@aws-sdk/client-personalize-events";
import * as runtime from "@aws-sdk/client-personalize-runtime";

const once = { maxAttempts: 1 };
const services = {
  personalize: [personalize, new personalize.PersonalizeClient(once)],
  "personalize-runtime": [runtime, new runtime.PersonalizeRuntimeClient(once)],
  "personalize-events": [events, new events.PersonalizeEventsClient(once)],
};

// For what the SDK would never send: another target or body, signed like its own.
function instead({ target, body }) {
  const replace = (next) => async (args) => {
    if (target !== undefined) args.request.headers["x-amz-target"] = target;
    if (body !== undefined) args.request.body = body;
    return next(args);
  };
  return { applyToStack: (stack) => stack.add(replace, { step: "build", priority: "high" }) };
}

async function answer({ service, operation, members, pageSize, replaced }) {
  const [sdk, client] = services[service];
  try {
    if (pageSize) {
      const pages = [];
      for await (const page of sdk[`paginate${operation}`]({ client, pageSize }, members)) pages.push(page);
      return { pages };
    }
    const command = new sdk[`${operation}Command`](members);
    if (replaced) command.middlewareStack.use(instead(replaced));
    const { $metadata: _, ...output } = await client.send(command);
    return { output };
  } catch (error) {
    const { name, message, $fault: fault, $metadata: metadata } = error;
    const isModeled = name in sdk && error instanceof sdk[name];
    return { error: { name, message, fault, isModeled, status: metadata?.httpStatusCode ?? 0 } };
  }
}

function revive(_name, value) {
  return value?.$date ? new Date(value.$date) : value;
}

// Not the value that is passed: a date has been made a text by then.
function replace(name, value) {
  return this[name] instanceof Date ? { $date: this[name].toISOString() } : value;
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answer(JSON.parse(line, revive)), replace));
}
