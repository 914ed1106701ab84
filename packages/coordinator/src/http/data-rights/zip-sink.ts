import { once } from "node:events";
import type { PassThrough } from "node:stream";
import { strToU8, Zip, ZipDeflate } from "fflate";
import type { ExportSink } from "../../accounts/index.js";

/** How long whoever downloads may leave what was written unread. */
const STALL_ms = 60_000;

/** A zip of JSON files, each an array of rows, written as they come: no more of it is in memory than one page of rows. */
export function zipSink(stream: PassThrough): ExportSink & { end(): Promise<void> } {
  let failure: Error | undefined;
  const zip = new Zip((error, chunk) => {
    if (error === null) stream.write(chunk);
    else failure = error;
  });
  let file: ZipDeflate | undefined;
  let isEmpty = true;

  async function drained(): Promise<void> {
    if (failure !== undefined) throw failure;
    if (stream.destroyed) throw new Error("whoever downloads has left");
    if (stream.writableNeedDrain) await once(stream, "drain", { signal: AbortSignal.timeout(STALL_ms) });
  }
  async function closeFile(): Promise<void> {
    file?.push(strToU8(isEmpty ? "[]\n" : "\n]\n"), true);
    file = undefined;
    await drained();
  }

  return {
    async file(name) {
      await closeFile();
      file = new ZipDeflate(`${name}.json`, { level: 6 });
      zip.add(file);
      isEmpty = true;
    },
    async rows(rows) {
      if (rows.length === 0) return;
      file?.push(strToU8(`${isEmpty ? "[\n" : ",\n"}${rows.join(",\n")}`));
      isEmpty = false;
      await drained();
    },
    async end() {
      await closeFile();
      zip.end();
      stream.end();
    },
  };
}
