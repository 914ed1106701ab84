import { createReadStream } from "node:fs";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { ENTRY, LAUNCHER_SOURCE, MANIFEST } from "../layout.js";

const LAUNCHER = path.resolve(import.meta.dirname, "../../../bin/launcher.mjs");

/** The least that a release may be: a program that says which version it is. */
export async function writeBundle(directory: string, version: string, program = `console.log(${JSON.stringify(version)});`): Promise<void> {
  await mkdir(path.dirname(path.join(directory, ENTRY)), { recursive: true });
  await writeFile(path.join(directory, MANIFEST), JSON.stringify({ name: "@umbel/cli", version, type: "module" }));
  await writeFile(path.join(directory, ENTRY), program);
  await copyFile(LAUNCHER, path.join(directory, LAUNCHER_SOURCE));
}

/** Hands out the files of a folder, to one connection at a time whole. */
export async function startFileServer(directory: string): Promise<{ readonly url: string; close(): void }> {
  const server = createServer((request, response) => {
    createReadStream(path.join(directory, path.basename(request.url ?? "")))
      .on("error", () => response.writeHead(404).end())
      .pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => void server.close() };
}
