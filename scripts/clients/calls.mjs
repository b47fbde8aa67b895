// Reads calls, a line of JSON each, makes them with the SDK for JavaScript, and writes the answers, a line each.
// CLIENT_SFN names the folder in which @aws-sdk/client-sfn is installed.
import { createRequire } from "node:module";
import readline from "node:readline";

const sfn = createRequire(`${process.env.CLIENT_SFN}/`)("@aws-sdk/client-sfn");
const options = { endpoint: process.argv[2], disableHostPrefix: true, maxAttempts: 1 };
const client = new sfn.SFNClient(process.argv[2] ? options : { maxAttempts: 1 });

async function perform({ operation, input, size, member }) {
  if (!size) {
    const { $metadata, ...answer } = await client.send(new sfn[`${operation}Command`](input));
    return answer;
  }
  const items = [];
  for await (const page of sfn[`paginate${operation}`]({ client, pageSize: size }, input)) {
    items.push(...page[member]);
  }
  return items;
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = { answer: await perform(JSON.parse(line)) };
  } catch (error) {
    answer = { error: error.name, message: String(error.message) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
