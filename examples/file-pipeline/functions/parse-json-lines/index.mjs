// Reads records from JSON Lines.

export class MalformedFile extends Error {
  name = "MalformedFile";
}

/** Reads `{content}`; gives `{records: [{product, amount}], count}`. */
export async function handler({ content }) {
  const lines = content.split(/\r?\n/);
  const records = lines.flatMap((line, index) => (line.trim() ? [recordOf(line, index + 1)] : []));
  return { records, count: records.length };
}

function recordOf(line, number) {
  let record;
  try {
    record = JSON.parse(line);
  } catch {
    throw new MalformedFile(`line ${number} is not JSON`);
  }
  if (typeof record?.product !== "string" || typeof record.amount !== "number") {
    throw new MalformedFile(`line ${number} needs a product and an amount`);
  }
  return { product: record.product, amount: record.amount };
}
