import { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import { describe, expect, it } from "vitest";
import { buildOf, recordOf } from "../../catalog/testing.js";
import type { HttpDependencies } from "../dependencies.js";
import { blobRoute, DOWNLOADS_max } from "./blob-route.js";

const content = readFileSync(import.meta.filename, "utf8");
const build = recordOf(buildOf("oak", { content }));

/** A reader that takes nothing until it is told to leave. */
function reader() {
  const sent: Readable[] = [];
  const raw = Object.assign(new EventEmitter(), { setTimeout: () => undefined, destroy: () => undefined });
  const reply: Record<string, unknown> = { raw };
  for (const method of ["headers", "header", "type", "status"]) reply[method] = () => reply;
  reply["send"] = (body: unknown) => {
    if (body instanceof Readable) sent.push(body);
    return reply;
  };
  const leave = (): void => {
    for (const stream of sent) stream.destroy();
    raw.emit("close");
  };
  return { reply: reply as unknown as FastifyReply, leave };
}

describe("files of builds", () => {
  const { handle } = blobRoute({
    catalog: { builds: () => [build] },
    blobs: { locate: async () => import.meta.filename, holds: async () => true },
    settings: { writeStallTimeout_ms: 1_000 },
  } as unknown as HttpDependencies);
  const request = { params: { "*": `${build.manifest.prefix}/model.gguf` }, headers: {}, method: "GET" } as unknown as FastifyRequest;

  it("are handed out so many at once and no more", async () => {
    const readers = Array.from({ length: DOWNLOADS_max }, reader);
    for (const { reply } of readers) await handle(request, reply);
    const late = reader();
    await expect(handle(request, late.reply)).rejects.toMatchObject({ status: 503, retryAfter_s: 5 });
    readers.at(0)?.leave();
    await expect(handle(request, late.reply)).resolves.toBe(late.reply);
    for (const { leave } of [...readers.slice(1), late]) leave();
  });
});
