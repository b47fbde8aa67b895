// The reference implementation's half of the bench beside this file: node jsonata.mjs FOLDER WORK
// WORK is JSON: `states`, and `expressions` over it. Prints for each expression the fastest round's CPU microseconds an
// evaluation, and its value.
import { createRequire } from "node:module";
import { join } from "node:path";

const [folder, work] = process.argv.slice(2);
const jsonata = createRequire(join(folder, "index.js"))("jsonata");
const { states, expressions } = JSON.parse(work);

async function measure(expression) {
  let best = Infinity;
  let repeats = 1;
  for (let round = 0; round < 120; round++) {
    const before = process.cpuUsage();
    for (let repeat = 0; repeat < repeats; repeat++) {
      await expression.evaluate(undefined, { states });
    }
    const { user, system } = process.cpuUsage(before);
    best = round < 20 ? Infinity : Math.min(best, (user + system) / repeats); // the first rounds warm it up
    if (user + system < 5000) {
      repeats *= 2;
    }
  }
  return best;
}

const outcomes = [];
for (const text of expressions) {
  const expression = jsonata(text);
  const value = JSON.parse(JSON.stringify(await expression.evaluate(undefined, { states })));
  outcomes.push({ micros: await measure(expression), value });
}
console.log(JSON.stringify(outcomes));
