import { createHash, createHmac } from "node:crypto";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { buffer } from "node:stream/consumers";
import type { Manifest } from "@umbel/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { manifestOf, PART_bytes } from "./hash-files.js";
import { putFilesToS3 } from "./put-files-s3.js";
import { openS3Bucket, type S3Options } from "./s3-bucket.js";

const ENV = { AWS_ACCESS_KEY_ID: "AKID", AWS_SECRET_ACCESS_KEY: "secret", AWS_REGION: "eu-central-1", AWS_SESSION_TOKEN: "session" };
const sha256 = (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex");
const hmac = (key: string | Buffer, data: string) => createHmac("sha256", key).update(data).digest();

/** Signature Version 4 as the service reckons it, written from its documentation and not from the client. */
function isSigned(request: IncomingMessage, body: Buffer): boolean {
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
  const time = String(request.headers["x-amz-date"]);
  const scope = `${date}/${region}/s3/aws4_request`;
  const key = hmac(hmac(hmac(hmac(`AWS4${ENV.AWS_SECRET_ACCESS_KEY}`, date), region), "s3"), "aws4_request");
  const expected = hmac(key, ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n")).toString("hex");
  const needed = ["host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"].every((name) => names.split(";").includes(name));
  return needed && region === ENV.AWS_REGION && signature === expected && hash === sha256(body);
}

describe("a bucket", () => {
  let folder: string;
  let server: Server;
  let endpoint: string;
  let requests: string[];
  let failures: number;
  const objects = new Map<string, { bytes: Buffer; sha256: string | undefined }>();
  const uploads = new Map<string, { parts: Map<number, Buffer>; sha256: string | undefined }>();
  beforeEach(async () => {
    objects.clear();
    uploads.clear();
    [requests, failures] = [[], 0];
    folder = await mkdtemp(path.join(tmpdir(), "umbel-s3-"));
    server = createServer(async (request, response) => {
      const body = await buffer(request);
      const url = new URL(request.url ?? "", "http://store");
      requests.push(`${request.method} ${url.pathname}${url.search}`);
      if (failures-- > 0) return void response.writeHead(503).end();
      if (!isSigned(request, body)) return void response.writeHead(403).end("<Error><Code>SignatureDoesNotMatch</Code></Error>");
      const [status, headers, text] = answer(request, url, body);
      response.writeHead(status, headers).end(text);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  });

  function answer(request: IncomingMessage, url: URL, body: Buffer): [number, Record<string, string>, string] {
    const key = decodeURIComponent(url.pathname);
    const hash = request.headers["x-amz-meta-sha256"] as string | undefined;
    const upload = uploads.get(url.searchParams.get("uploadId") ?? "");
    const found = objects.get(key);
    if (request.method === "HEAD") {
      if (found === undefined) return [404, {}, ""];
      return [200, { "content-length": `${found.bytes.length}`, "x-amz-meta-sha256": found.sha256 ?? "" }, ""];
    }
    if (url.searchParams.has("uploads")) {
      uploads.set("a&b/1", { parts: new Map(), sha256: hash });
      return [200, {}, "<R><UploadId>a&amp;b/1</UploadId></R>"];
    }
    if (upload === undefined) {
      objects.set(key, { bytes: body, sha256: hash });
      return [200, {}, ""];
    }
    if (request.method === "PUT") {
      const number = Number(url.searchParams.get("partNumber"));
      upload.parts.set(number, body);
      return [200, { etag: `"${number}"` }, ""];
    }
    if (request.method === "DELETE") return [204, {}, ""];
    expect(body.toString()).toContain('<Part><PartNumber>1</PartNumber><ETag>"1"</ETag></Part>');
    objects.set(key, { bytes: Buffer.concat([...upload.parts.values()]), sha256: upload.sha256 });
    return [200, {}, "<CompleteMultipartUploadResult/>"];
  }

  const open = (change: Partial<S3Options> = {}) =>
    openS3Bucket({ place: "s3://models/umbel public", endpoint, env: ENV, fetch, wait: async () => undefined, ...change });
  async function publish(): Promise<{ readonly manifest: Manifest; readonly sent: number }> {
    const about = { id: "oak", version: "1", createdAt: new Date(0) };
    const manifest = await manifestOf({ directory: folder, paths: ["config.json", "large.gguf"] }, about);
    return { manifest, sent: await putFilesToS3(manifest, folder, open(), () => undefined) };
  }
  async function files(): Promise<void> {
    await writeFile(path.join(folder, "config.json"), "{}");
    await writeFile(path.join(folder, "large.gguf"), "weights");
    await truncate(path.join(folder, "large.gguf"), PART_bytes + 10);
  }

  it("gets a version's files, large ones in parts, and its manifest last; what is there is not sent again", async () => {
    await files();
    const { manifest, sent } = await publish();
    expect(sent).toBe(2);
    const below = `/models/umbel public/${manifest.prefix}`;
    expect(requests.at(-1)).toBe(`PUT ${encodeURI(below)}/manifest.json`);
    const large = objects.get(`${below}/large.gguf`);
    expect([large?.bytes.length, large?.sha256, sha256(large?.bytes ?? "")]).toEqual([
      PART_bytes + 10,
      ...[manifest.files[1]?.sha256, manifest.files[1]?.sha256],
    ]);
    requests.length = 0;
    expect((await publish()).sent).toBe(0);
    expect(requests.map((line) => line.split(" ")[0])).toEqual(["HEAD", "HEAD", "PUT"]);
    await writeFile(path.join(folder, "config.json"), "[]");
    expect((await publish()).sent).toBe(1);
  });

  it("is tried again while it does not answer, and given up in the end", async () => {
    failures = 2;
    await open().put("a", Buffer.from("x"), sha256("x"));
    expect(objects.get("/models/umbel public/a")?.bytes.toString()).toBe("x");
    failures = 9;
    await expect(open().put("a", Buffer.from("x"), sha256("x"))).rejects.toMatchObject({
      exitCode: 5,
      message: expect.stringContaining("503"),
    });
  });

  it("refuses what is not what was signed, and gives up what was begun of it", async () => {
    const other = () => open().put("a", Buffer.from("y"), sha256("x"));
    await expect(other()).rejects.toMatchObject({ exitCode: 4, message: expect.stringContaining("SignatureDoesNotMatch") });
    await expect(open().putParts("a", [sha256("x")], sha256("x"), async () => Buffer.from("y"))).rejects.toThrow("SignatureDoesNotMatch");
    expect(requests.at(-1)).toMatch(/^DELETE .*uploadId=a%26b%2F1$/);
    await expect(open({ env: { ...ENV, AWS_SECRET_ACCESS_KEY: "wrong" } }).put("a", Buffer.from("x"), sha256("x"))).rejects.toThrow(
      "refuses",
    );
  });

  it("is named rightly, and not opened without credentials", () => {
    expect(() => open({ place: "s3://UPPER" })).toThrow("names no bucket");
    expect(() => open({ env: {} })).toThrow("no credentials");
  });
});
