import { createHash, createHmac } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { S3Options } from "../s3-bucket.js";

const ACCESS_KEY = "AKID";
const SECRET = "secret-8";
const REGION = "eu-central-1";
/** As an upload is called; it has to be escaped in XML and in addresses. */
const UPLOAD = "a&b/1";
/** Keys of a list at once, so that lists have pages. */
const LISTED_max = 2;

export interface S3Server {
  /** To open a bucket of it. */
  readonly options: Omit<S3Options, "place">;
  /** By path: `/bucket/key`. */
  readonly objects: ReadonlyMap<string, { readonly bytes: Buffer; readonly sha256: string | undefined }>;
  /** Lines such as `PUT /bucket/key`, as they came. */
  readonly requests: string[];
  sha256(data: string | Uint8Array): string;
  /** So many requests are answered with 503. */
  fail(count: number): void;
  close(): Promise<void>;
}

/** Something that speaks as S3 does, and checks signatures: it was written from the service's documentation and not from the client. */
export async function startS3Server(): Promise<S3Server> {
  const objects = new Map<string, { bytes: Buffer; sha256: string | undefined }>();
  const uploads = new Map<string, { parts: Map<number, Buffer>; sha256: string | undefined }>();
  const requests: string[] = [];
  let failures = 0;
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    const url = new URL(request.url ?? "", "http://store");
    requests.push(`${request.method} ${url.pathname}${url.search}`);
    if (failures-- > 0) return void response.writeHead(503).end();
    if (!isSigned(request, body)) return void response.writeHead(403).end("<Error><Code>SignatureDoesNotMatch</Code></Error>");
    const [status, headers, content] = answer(request, url, body);
    response.writeHead(status, headers).end(content);
  });

  function answer(request: IncomingMessage, url: URL, body: Buffer): [number, Record<string, string>, string | Buffer] {
    const key = decodeURIComponent(url.pathname);
    const hash = request.headers["x-amz-meta-sha256"] as string | undefined;
    const upload = uploads.get(url.searchParams.get("uploadId") ?? "");
    const found = objects.get(key);
    switch (request.method) {
      case "HEAD":
        if (found === undefined) return [404, {}, ""];
        return [200, { "content-length": `${found.bytes.length}`, "x-amz-meta-sha256": found.sha256 ?? "" }, ""];
      case "GET":
        if (url.searchParams.get("list-type") === "2") return [200, {}, listed(key, url.searchParams)];
        return found === undefined ? [404, {}, "<Error><Code>NoSuchKey</Code></Error>"] : [200, {}, found.bytes];
      case "DELETE":
        if (upload === undefined) objects.delete(key);
        return [204, {}, ""];
      case "POST":
        if (url.searchParams.has("uploads")) {
          uploads.set(UPLOAD, { parts: new Map(), sha256: hash });
          return [200, {}, "<R><UploadId>a&amp;b/1</UploadId></R>"];
        }
        if (upload === undefined || !body.toString().includes('<Part><PartNumber>1</PartNumber><ETag>"1"</ETag></Part>')) {
          return [200, {}, "<Error><Code>InvalidPart</Code></Error>"];
        }
        objects.set(key, { bytes: Buffer.concat([...upload.parts.values()]), sha256: upload.sha256 });
        return [200, {}, "<CompleteMultipartUploadResult/>"];
      default: {
        if (upload === undefined) {
          objects.set(key, { bytes: body, sha256: hash });
          return [200, {}, ""];
        }
        const number = Number(url.searchParams.get("partNumber"));
        upload.parts.set(number, body);
        return [200, { etag: `"${number}"` }, ""];
      }
    }
  }

  function listed(bucket: string, query: URLSearchParams): string {
    const below = `${bucket}/${query.get("prefix") ?? ""}`;
    const keys = [...objects.keys()].filter((key) => key.startsWith(below)).sort();
    const start = Number(query.get("continuation-token") ?? 0);
    const page = keys.slice(start, start + LISTED_max);
    const next = start + LISTED_max < keys.length ? `<NextContinuationToken>${start + LISTED_max}</NextContinuationToken>` : "";
    const escaped = (key: string) => key.slice(bucket.length + 1).replaceAll("&", "&amp;");
    return `<R>${page.map((key) => `<Contents><Key>${escaped(key)}</Key></Contents>`).join("")}${next}</R>`;
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    options: {
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      region: REGION,
      credentials: { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET, sessionToken: "session" },
      fetch,
      wait: async () => undefined,
    },
    ...{ objects, requests, sha256 },
    fail(count) {
      failures = count;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** Signature Version 4 as the service reckons it. */
function isSigned(request: IncomingMessage, body: Buffer): boolean {
  const hmac = (key: string | Buffer, data: string) => createHmac("sha256", key).update(data).digest();
  const [, date = "", region = "", names = "", signature] =
    /^AWS4-HMAC-SHA256 Credential=AKID\/(\d{8})\/([\w-]+)\/s3\/aws4_request, SignedHeaders=([\w;-]+), Signature=(\w{64})$/.exec(
      request.headers.authorization ?? "",
    ) ?? [];
  const url = new URL(request.url ?? "", "http://store");
  const hash = String(request.headers["x-amz-content-sha256"]);
  const query = [...url.searchParams]
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .sort()
    .join("&");
  const headers = names
    .split(";")
    .map((name) => `${name}:${String(request.headers[name]).trim()}\n`)
    .join("");
  const canonical = [request.method, url.pathname, query, headers, names, hash].join("\n");
  const scope = `${date}/${region}/s3/aws4_request`;
  const key = hmac(hmac(hmac(hmac(`AWS4${SECRET}`, date), region), "s3"), "aws4_request");
  const parts = ["AWS4-HMAC-SHA256", String(request.headers["x-amz-date"]), scope, sha256(canonical)];
  const needed = ["host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"].every((name) => names.split(";").includes(name));
  return needed && region === REGION && signature === hmac(key, parts.join("\n")).toString("hex") && hash === sha256(body);
}
