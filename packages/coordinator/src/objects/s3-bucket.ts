import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { open, rm, stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as WebStream } from "node:stream/web";
import { AwsV4Signer } from "aws4fetch";
import { ObjectStoreError } from "./object-store-error.js";

/** Sent with an object, so that it is known again. */
const SHA256_HEADER = "x-amz-meta-sha256";
const ATTEMPTS_MAX = 4;
/** Before the second try, the third, … */
const WAITS_ms = [500, 2_000, 8_000];
const ANSWER_ms = 300_000;
const EMPTY_SHA256 = createHash("sha256").digest("hex");
/** Files above this size go in parts of it; stores take up to ten thousand. */
const PART_bytes = 16 * 1024 * 1024;
/** Of a whole file. */
const FETCH_ms = 60 * 60_000;

/** A folder of a bucket of anything that speaks as S3 does. */
export interface S3Bucket {
  /** Whether an object is there with this size and hash. */
  holds(key: string, object: { readonly size_bytes: number; readonly sha256: string }): Promise<boolean>;
  put(key: string, bytes: Uint8Array, sha256: string): Promise<void>;
  /** An object too large for one request. @param part reads one, from 0 on */
  putParts(key: string, parts: readonly string[], sha256: string, part: (index: number) => Promise<Uint8Array>): Promise<void>;
  putFile(key: string, file: string): Promise<void>;
  /** Saves an object as a file. */
  fetchFile(key: string, file: string): Promise<void>;
  /** Keys of the folder itself, not of folders in it. */
  keys(): Promise<readonly string[]>;
  remove(key: string): Promise<void>;
}

export interface S3Options {
  /** `s3://bucket/folder` */
  readonly place: string;
  /** Absent: that of AWS, for the region. */
  readonly endpoint?: string | undefined;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string };
  readonly fetch: typeof fetch;
  readonly wait: (delay_ms: number) => Promise<void>;
}

/** Opens a bucket. Requests are signed with their contents (Signature Version 4). @throws ObjectStoreError, as its methods do */
export function openS3Bucket({ place, endpoint, region, credentials, fetch: fetchIt, wait }: S3Options): S3Bucket {
  const [, bucket, folder = ""] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(place) ?? [];
  if (bucket === undefined) throw new ObjectStoreError("place", `"${place}" names no bucket`);
  const base = (endpoint ?? `https://s3.${region}.amazonaws.com`).replace(/\/+$/, "");
  const prefix = folder
    .split("/")
    .filter((segment) => segment !== "")
    .map((segment) => `${segment}/`)
    .join("");

  async function ask(
    method: string,
    key: string,
    { query = "", body, sha256, headers = {}, answer_ms = ANSWER_ms }: Asked = {},
  ): Promise<Response> {
    const path = [bucket ?? "", ...key.split("/")].filter((segment) => segment !== "").map(encodeURIComponent);
    const url = `${base}/${path.join("/")}${query}`;
    const hash = sha256 ?? (body === undefined ? EMPTY_SHA256 : createHash("sha256").update(body).digest("hex"));
    for (let attempt = 1; ; attempt++) {
      const signer = new AwsV4Signer({
        ...{ method, url, ...credentials, service: "s3", region },
        headers: { ...headers, "x-amz-content-sha256": hash },
      });
      const signed = await signer.sign();
      const request = { method, headers: signed.headers, signal: AbortSignal.timeout(answer_ms), ...(body && { body }) };
      const response = await fetchIt(signed.url, request).catch((error: unknown) =>
        error instanceof Error ? error : new Error(String(error)),
      );
      const isPassing = response instanceof Error || response.status >= 500 || response.status === 429;
      if (!isPassing) return response;
      if (attempt === ATTEMPTS_MAX) throw unreachable(base, response);
      await wait(WAITS_ms[attempt - 1] ?? 0);
    }
  }

  async function done(method: string, key: string, asked: Asked): Promise<{ readonly text: string; readonly headers: Headers }> {
    const response = await ask(method, key, asked);
    const text = await response.text();
    // What was begun with 200 may end with an error all the same.
    if (response.ok && !text.includes("<Error>")) return { text, headers: response.headers };
    throw refusal(place, response.status, text);
  }

  const objects: S3Bucket = {
    async holds(key, { size_bytes, sha256 }) {
      const response = await ask("HEAD", prefix + key);
      if (response.status === 404) return false;
      if (!response.ok) throw refusal(place, response.status, "");
      return response.headers.get("content-length") === String(size_bytes) && response.headers.get(SHA256_HEADER) === sha256;
    },

    put: async (key, body, sha256) => void (await done("PUT", prefix + key, { body, sha256, headers: { [SHA256_HEADER]: sha256 } })),

    async putParts(key, parts, sha256, part) {
      const begun = await done("POST", prefix + key, { query: "?uploads", headers: { [SHA256_HEADER]: sha256 } });
      const upload = fieldOf(begun.text, "UploadId");
      if (upload === undefined) throw refusal(place, 200, begun.text);
      const query = `uploadId=${encodeURIComponent(upload)}`;
      try {
        const tags: string[] = [];
        for (const [index, hash] of parts.entries()) {
          const asked = { query: `?partNumber=${index + 1}&${query}`, body: await part(index), sha256: hash };
          const sent = await done("PUT", prefix + key, asked);
          tags.push(`<Part><PartNumber>${index + 1}</PartNumber><ETag>${sent.headers.get("etag") ?? ""}</ETag></Part>`);
        }
        const body = new TextEncoder().encode(`<CompleteMultipartUpload>${tags.join("")}</CompleteMultipartUpload>`);
        await done("POST", prefix + key, { query: `?${query}`, body });
      } catch (error) {
        // What was sent of it would be paid for and serve nobody.
        await ask("DELETE", prefix + key, { query: `?${query}` }).catch(() => undefined);
        throw error;
      }
    },

    async putFile(key, file) {
      const { size: size_bytes } = await stat(file);
      const whole = createHash("sha256");
      const parts: string[] = [];
      for (let start = 0; start < Math.max(size_bytes, 1); start += PART_bytes) {
        const part = createHash("sha256");
        for await (const chunk of createReadStream(file, { start, end: start + PART_bytes - 1 })) {
          part.update(chunk);
          whole.update(chunk);
        }
        parts.push(part.digest("hex"));
      }
      const sha256 = whole.digest("hex");
      if (parts.length === 1) return objects.put(key, await read(file, 0, size_bytes), sha256);
      await objects.putParts(key, parts, sha256, (index) =>
        read(file, index * PART_bytes, Math.min(PART_bytes, size_bytes - index * PART_bytes)),
      );
    },

    async fetchFile(key, file) {
      const response = await ask("GET", prefix + key, { answer_ms: FETCH_ms });
      if (!response.ok || response.body === null) throw refusal(place, response.status, await response.text());
      try {
        await pipeline(Readable.fromWeb(response.body as WebStream), createWriteStream(file, { mode: 0o600 }));
      } catch (cause) {
        await rm(file, { force: true });
        throw new ObjectStoreError("unreachable", `${base} broke off in the middle of ${key}`, { cause });
      }
    },

    async keys() {
      const keys: string[] = [];
      for (let token: string | undefined; ; ) {
        const query = new URLSearchParams({ "list-type": "2", prefix, ...(token === undefined ? {} : { "continuation-token": token }) });
        // Signatures take a blank as %20.
        const { text } = await done("GET", "", { query: `?${query.toString().replaceAll("+", "%20")}` });
        for (const [, key = ""] of text.matchAll(/<Key>([^<]*)<\/Key>/g)) keys.push(unescaped(key).slice(prefix.length));
        token = fieldOf(text, "NextContinuationToken");
        if (token === undefined) return keys.filter((key) => key !== "" && !key.includes("/"));
      }
    },

    remove: async (key) => void (await done("DELETE", prefix + key, {})),
  };
  return objects;
}

async function read(file: string, start: number, size_bytes: number): Promise<Uint8Array> {
  const handle = await open(file, "r");
  try {
    const buffer = Buffer.alloc(size_bytes);
    for (let done = 0; done < size_bytes; ) {
      const { bytesRead } = await handle.read(buffer, done, size_bytes - done, start + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return buffer;
  } finally {
    await handle.close();
  }
}

interface Asked {
  readonly query?: string;
  readonly body?: Uint8Array;
  readonly sha256?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly answer_ms?: number;
}

function fieldOf(text: string, name: string): string | undefined {
  const field = new RegExp(`<${name}>([^<]+)</${name}>`).exec(text)?.[1];
  return field === undefined ? undefined : unescaped(field);
}

function unescaped(text: string): string {
  return text.replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

function unreachable(base: string, answer: Response | Error): ObjectStoreError {
  const why = answer instanceof Error ? answer.message : `status ${answer.status}`;
  return new ObjectStoreError("unreachable", `${base} does not answer (${why})`);
}

function refusal(place: string, status: number, text: string): ObjectStoreError {
  const code = /<Code>([\w.]{1,64})<\/Code>/.exec(text)?.[1];
  const isForbidden = status === 401 || status === 403;
  return new ObjectStoreError(isForbidden ? "forbidden" : "refused", `${place} refuses (${code ?? `status ${status}`})`);
}
