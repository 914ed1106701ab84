import { createHash } from "node:crypto";
import { AwsV4Signer } from "aws4fetch";
import { CliError, EXIT_CODES } from "../exit-codes.js";

/** Sent with an object, so that the next publishing knows it again. */
const SHA256_HEADER = "x-amz-meta-sha256";
const ATTEMPTS_MAX = 4;
/** Before the second try, the third, … */
const WAITS_ms = [500, 2_000, 8_000];
const ANSWER_ms = 300_000;
const EMPTY_SHA256 = createHash("sha256").digest("hex");

/** A folder of a bucket of anything that speaks as S3 does. */
export interface S3Bucket {
  /** Whether an object is there with this size and hash. */
  holds(key: string, object: { readonly size_bytes: number; readonly sha256: string }): Promise<boolean>;
  put(key: string, bytes: Uint8Array, sha256: string): Promise<void>;
  /** An object too large for one request. @param part reads one, from 0 on */
  putParts(key: string, parts: readonly string[], sha256: string, part: (index: number) => Promise<Uint8Array>): Promise<void>;
}

export interface S3Options {
  /** `s3://bucket/folder` */
  readonly place: string;
  /** Absent: that of AWS, for the region. */
  readonly endpoint?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly fetch: typeof fetch;
  readonly wait: (delay_ms: number) => Promise<void>;
}

/**
 * Opens a bucket with the credentials of the environment, by the names that all tools use: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
 * `AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL_S3`. Requests are signed with their contents (Signature Version 4).
 *
 * @throws CliError
 */
export function openS3Bucket({ place, endpoint, env, fetch: fetchIt, wait }: S3Options): S3Bucket {
  const [, bucket, folder = ""] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(place) ?? [];
  if (bucket === undefined)
    throw new CliError(`"${place}" names no bucket.`, EXIT_CODES.usage, "Write it as s3://bucket or s3://bucket/folder.");
  const [accessKeyId, secretAccessKey] = [env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"]];
  if (!accessKeyId || !secretAccessKey) {
    const remedy = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_SESSION_TOKEN if there is one.";
    throw new CliError("There are no credentials for the bucket.", EXIT_CODES.authentication, remedy);
  }
  const region = env["AWS_REGION"] ?? env["AWS_DEFAULT_REGION"] ?? "us-east-1";
  const base = (endpoint ?? env["AWS_ENDPOINT_URL_S3"] ?? env["AWS_ENDPOINT_URL"] ?? `https://s3.${region}.amazonaws.com`).replace(
    /\/+$/,
    "",
  );
  const sessionToken = env["AWS_SESSION_TOKEN"];
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };

  async function ask(method: string, key: string, { query = "", body, sha256, headers = {} }: Asked = {}): Promise<Response> {
    const path = [bucket ?? "", ...folder.split("/"), ...key.split("/")].filter((segment) => segment !== "").map(encodeURIComponent);
    const url = `${base}/${path.join("/")}${query}`;
    const hash = sha256 ?? (body === undefined ? EMPTY_SHA256 : createHash("sha256").update(body).digest("hex"));
    for (let attempt = 1; ; attempt++) {
      const signer = new AwsV4Signer({
        ...{ method, url, ...credentials, service: "s3", region },
        headers: { ...headers, "x-amz-content-sha256": hash },
      });
      const signed = await signer.sign();
      const request = { method, headers: signed.headers, signal: AbortSignal.timeout(ANSWER_ms), ...(body && { body }) };
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

  return {
    async holds(key, { size_bytes, sha256 }) {
      const response = await ask("HEAD", key);
      if (response.status === 404) return false;
      if (!response.ok) throw refusal(place, response.status, "");
      return response.headers.get("content-length") === String(size_bytes) && response.headers.get(SHA256_HEADER) === sha256;
    },
    put: async (key, body, sha256) => void (await done("PUT", key, { body, sha256, headers: { [SHA256_HEADER]: sha256 } })),
    async putParts(key, parts, sha256, part) {
      const begun = await done("POST", key, { query: "?uploads", headers: { [SHA256_HEADER]: sha256 } });
      const upload = /<UploadId>([^<]+)<\/UploadId>/.exec(begun.text)?.[1];
      if (upload === undefined) throw refusal(place, 200, begun.text);
      const query = `uploadId=${encodeURIComponent(unescaped(upload))}`;
      try {
        const tags: string[] = [];
        for (const [index, hash] of parts.entries()) {
          const sent = await done("PUT", key, { query: `?partNumber=${index + 1}&${query}`, body: await part(index), sha256: hash });
          tags.push(`<Part><PartNumber>${index + 1}</PartNumber><ETag>${sent.headers.get("etag") ?? ""}</ETag></Part>`);
        }
        const body = new TextEncoder().encode(`<CompleteMultipartUpload>${tags.join("")}</CompleteMultipartUpload>`);
        await done("POST", key, { query: `?${query}`, body });
      } catch (error) {
        // What was sent of it would be paid for and serve nobody.
        await ask("DELETE", key, { query: `?${query}` }).catch(() => undefined);
        throw error;
      }
    },
  };
}

interface Asked {
  readonly query?: string;
  readonly body?: Uint8Array;
  readonly sha256?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function unescaped(text: string): string {
  return text.replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

function unreachable(base: string, answer: Response | Error): CliError {
  const why = answer instanceof Error ? answer.message : `status ${answer.status}`;
  return new CliError(`${base} does not answer (${why}).`, EXIT_CODES.network, "Run it again: what is there already is not sent again.");
}

function refusal(place: string, status: number, text: string): CliError {
  const code = /<Code>([\w.]{1,64})<\/Code>/.exec(text)?.[1];
  const words = `${place} refuses (${code ?? `status ${status}`}).`;
  if (status === 401 || status === 403)
    return new CliError(words, EXIT_CODES.authentication, "Check the credentials, and that they may write there.");
  return new CliError(words, EXIT_CODES.failure, "Check the bucket's name, AWS_REGION and --s3-endpoint.");
}
