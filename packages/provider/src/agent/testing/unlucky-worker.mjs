// Stands in for a worker that cannot work under Node's permission model, and says that it fails where there is none.
import { writeSync } from "node:fs";

if (process.permission !== undefined) {
  process.stderr.write("Error: ERR_ACCESS_DENIED");
  process.exit(1);
}
const text = Buffer.from(JSON.stringify({ type: "failed", code: "inspector_attached" }));
const header = Buffer.alloc(5);
header.writeUInt32BE(text.length);
writeSync(3, Buffer.concat([header, text]));
