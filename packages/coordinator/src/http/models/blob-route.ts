import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { ApiError } from "@umbel/dialects";
import type { Manifest, ManifestFile } from "@umbel/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import { filesPrefix } from "../../catalog/index.js";
import { isUnchanged, notModified } from "../answer/unchanged.js";
import type { HttpDependencies } from "../dependencies.js";
import type { Route } from "../route.js";
import { byteRange } from "./byte-range.js";

/** Below which the files are; `manifest` names it as an origin. */
export const BLOBS_PATH = "/v1/blobs";
/** Files that are handed out at once: each holds an open file for as long as its reader takes. */
export const DOWNLOADS_max = 64;
const RETRY_AFTER_s = 5;
/** A version's files never change. */
const FOR_EVER = "public, max-age=31536000, immutable";

/** The files of builds that lie with the coordinator. What is asked for must be in a manifest; nothing else of the disk is reached. */
export function blobRoute({ catalog, blobs, settings }: HttpDependencies): Route {
  let downloads = 0;

  function fileOf(name: string): { readonly manifest: Manifest; readonly file: ManifestFile } | undefined {
    for (const build of catalog.builds()) {
      const manifest = { ...build.manifest, prefix: filesPrefix(build) };
      const file = manifest.files.find(({ path }) => name === `${manifest.prefix}/${path}`);
      if (file !== undefined) return { manifest, file };
    }
    return undefined;
  }

  function hold(reply: FastifyReply): void {
    if (downloads >= DOWNLOADS_max) {
      const message = "as many files as possible are being fetched from here — please retry";
      throw new ApiError({ status: 503, code: "service_unavailable", message, retryAfter_s: RETRY_AFTER_s });
    }
    downloads += 1;
    reply.raw.once("close", () => {
      downloads -= 1;
    });
    reply.raw.setTimeout(settings.writeStallTimeout_ms, () => reply.raw.destroy());
  }

  return {
    method: "GET",
    url: `${BLOBS_PATH}/*`,
    access: "public",
    async handle(request, reply) {
      const found = fileOf(nameOf(request));
      const location = found && (await blobs.locate(found.manifest, found.file));
      if (found === undefined || location === undefined) {
        throw new ApiError({ status: 404, code: "not_found", message: "this coordinator does not have such a file" });
      }
      const { sha256, size_bytes } = found.file;
      const etag = `"${sha256}"`;
      reply.headers({ "Cache-Control": FOR_EVER, "Accept-Ranges": "bytes" }).type("application/octet-stream");
      if (isUnchanged(request, reply, etag)) return notModified(reply);

      const isSame = [undefined, etag].includes(ifRangeOf(request));
      const range = byteRange(isSame ? request.headers.range : undefined, size_bytes);
      if (range === "unsatisfiable") return reply.status(416).header("Content-Range", `bytes */${size_bytes}`).send();
      const { start, end } = range ?? { start: 0, end: size_bytes - 1 };
      if (range !== undefined) reply.status(206).header("Content-Range", `bytes ${start}-${end}/${size_bytes}`);
      reply.header("Content-Length", end + 1 - start);
      // An empty stream keeps the length that was said.
      if (request.method === "HEAD" || size_bytes === 0) return reply.send(Readable.from([]));
      hold(reply);
      return reply.send(createReadStream(location, { start, end }));
    },
  };
}

function ifRangeOf({ headers }: FastifyRequest): string | undefined {
  const value = headers["if-range"];
  return Array.isArray(value) ? value[0] : value;
}

function nameOf({ params }: FastifyRequest): string {
  return typeof params === "object" && params !== null && "*" in params ? String(params["*"]) : "";
}
