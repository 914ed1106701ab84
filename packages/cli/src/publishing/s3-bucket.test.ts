import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type S3Server, startS3Server } from "@umbel/coordinator/testing";
import type { Manifest } from "@umbel/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { manifestOf, PART_bytes } from "./hash-files.js";
import { putFilesToS3 } from "./put-files-s3.js";
import { openS3Bucket } from "./s3-bucket.js";

const ENV = { AWS_ACCESS_KEY_ID: "AKID", AWS_SECRET_ACCESS_KEY: "secret-8", AWS_REGION: "eu-central-1", AWS_SESSION_TOKEN: "session" };

describe("a bucket", () => {
  let folder: string;
  let server: S3Server;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "umbel-s3-"));
    server = await startS3Server();
  });
  afterEach(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });

  const open = (change: Partial<Parameters<typeof openS3Bucket>[0]> = {}) => {
    const { endpoint } = server.options;
    return openS3Bucket({ place: "s3://models/umbel public", endpoint, env: ENV, fetch, wait: async () => undefined, ...change });
  };
  const hashOf = (data: string) => server.sha256(data);
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
    expect(server.requests.at(-1)).toBe(`PUT ${encodeURI(below)}/manifest.json`);
    const large = server.objects.get(`${below}/large.gguf`);
    expect([large?.bytes.length, large?.sha256, server.sha256(large?.bytes ?? "")]).toEqual([
      PART_bytes + 10,
      ...[manifest.files[1]?.sha256, manifest.files[1]?.sha256],
    ]);
    server.requests.length = 0;
    expect((await publish()).sent).toBe(0);
    expect(server.requests.map((line) => line.split(" ")[0])).toEqual(["HEAD", "HEAD", "PUT"]);
    await writeFile(path.join(folder, "config.json"), "[]");
    expect((await publish()).sent).toBe(1);
  });

  it("is tried again while it does not answer, and given up in the end", async () => {
    server.fail(2);
    await open().put("a", Buffer.from("x"), hashOf("x"));
    expect(server.objects.get("/models/umbel public/a")?.bytes.toString()).toBe("x");
    server.fail(9);
    await expect(open().put("a", Buffer.from("x"), hashOf("x"))).rejects.toMatchObject({
      exitCode: 5,
      message: expect.stringContaining("503"),
    });
  });

  it("refuses what is not what was signed, and gives up what was begun of it", async () => {
    const other = () => open().put("a", Buffer.from("y"), hashOf("x"));
    await expect(other()).rejects.toMatchObject({ exitCode: 4, message: expect.stringContaining("SignatureDoesNotMatch") });
    await expect(open().putParts("a", [hashOf("x")], hashOf("x"), async () => Buffer.from("y"))).rejects.toThrow("SignatureDoesNotMatch");
    expect(server.requests.at(-1)).toMatch(/^DELETE .*uploadId=a%26b%2F1$/);
    await expect(open({ env: { ...ENV, AWS_SECRET_ACCESS_KEY: "wrong" } }).put("a", Buffer.from("x"), hashOf("x"))).rejects.toThrow(
      "refuses",
    );
  });

  it("takes files, lists them page by page, gives them back and lets go of them", async () => {
    for (const name of ["a", "b", "c", "d & e"]) {
      await writeFile(path.join(folder, name), name);
      await open().putFile(name, path.join(folder, name));
    }
    await open().put("below/f", Buffer.from("f"), hashOf("f"));
    await open().remove("b");
    expect(await open().keys()).toEqual(["a", "c", "d & e"]);
    await truncate(path.join(folder, "c"), 16 * 1024 * 1024 + 1);
    await open().putFile("c", path.join(folder, "c"));
    expect(server.objects.get("/models/umbel public/c")?.bytes.length).toBe(16 * 1024 * 1024 + 1);
    await open().fetchFile("d & e", path.join(folder, "back"));
    expect(await manifestOf({ directory: folder, paths: ["back"] }, { id: "oak", version: "1", createdAt: new Date(0) })).toMatchObject({
      files: [{ sha256: hashOf("d & e") }],
    });
    await expect(open().fetchFile("b", path.join(folder, "back"))).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringContaining("NoSuchKey"),
    });
  });

  it("is named rightly, and not opened without credentials", () => {
    expect(() => open({ place: "s3://UPPER" })).toThrow("names no bucket");
    expect(() => open({ env: {} })).toThrow("no credentials");
  });
});
