// Reads a backup again and compares it with what the backup function said.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";

/** Checks `{file, rows, sha256, statusCode}`; gives `{statusCode, rows}`: the backup's own status, or 500 when the file is damaged. */
export async function handler({ file, rows, sha256, statusCode }) {
  const text = gunzipSync(await readFile(file));
  const lines = text.toString("utf8").split("\n").filter(Boolean);
  const intact = createHash("sha256").update(text).digest("hex") === sha256 && lines.length === rows;
  console.log(`${file}: ${lines.length} rows, ${intact ? "intact" : "damaged"}`);
  return { statusCode: intact ? statusCode : 500, rows: lines.length };
}
