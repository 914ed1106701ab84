import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MODEL, startTestCoordinator, type TestCoordinator } from "../testing.js";
import { CONTROL_BODY_bytes_max } from "./control-body.js";

const ADMIN_KEY = "operator-".padEnd(40, "x");
const PATIENCE = { timeout: 20_000 };
const ASK = JSON.stringify({ model: MODEL, messages: [{ role: "user", content: "hello" }], max_tokens: 10 });

describe("the operator's drain", () => {
  let test: TestCoordinator;
  let apiKey: string;
  beforeAll(async () => {
    test = await startTestCoordinator({ adminKey: ADMIN_KEY });
    apiKey = await test.key();
    await test.provider({ serve: (request) => request.answer("hello") });
  });
  afterAll(() => test.close());

  async function drain(body?: string | ReadableStream, token: string | undefined = ADMIN_KEY) {
    const init = body instanceof ReadableStream ? { body, duplex: "half" as const } : body === undefined ? {} : { body };
    const response = await fetch(`${test.url}/v1/admin/drain`, {
      method: "POST",
      headers: token === "" ? {} : { authorization: `Bearer ${token}` },
      ...init,
    });
    return { status: response.status, body: await response.json() };
  }

  it("refuses inference, and nothing else, until it is undone", async () => {
    expect(await drain()).toEqual({ status: 200, body: { draining: true, inflight: 0 } });
    const refused = await test.post(ASK, { apiKey: "sk-um-of-nobody" });
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("3");
    expect(await test.get("/readyz")).toMatchObject({ status: 503, body: { ready: false, draining: true } });
    expect(await test.get("/health")).toMatchObject({ status: 200, body: { draining: true } });
    expect(await test.get("/v1/models/capacity")).toMatchObject({ body: { models: [], draining: true } });
    expect((await test.get("/v1/key", apiKey)).status).toBe(200);
    expect(await drain('{"draining":false}')).toEqual({ status: 200, body: { draining: false, inflight: 0 } });
    expect((await test.post(ASK, { apiKey })).status).toBe(200);
    expect(await test.get("/readyz")).toMatchObject({ status: 200, body: { ready: true } });
  });

  it("counts a request from its coming on, though its body is still on the way, and lets it end", async () => {
    const socket = connect(test.running.port, "127.0.0.1");
    socket.write(`POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${apiKey}\r\nConnection: close\r\n`);
    socket.write(`Content-Length: ${ASK.length}\r\n\r\n`);
    const inflight = async () => Object((await test.get("/readyz")).body).inflight;
    await expect.poll(inflight, PATIENCE).toBe(1);
    expect(await drain("{}")).toEqual({ status: 200, body: { draining: true, inflight: 1 } });
    let answer = "";
    socket.on("data", (data) => {
      answer += data.toString();
    });
    socket.write(ASK);
    await once(socket, "close");
    expect(answer).toContain("hello");
    await expect.poll(inflight, PATIENCE).toBe(0);
    await drain('{"draining":false}');
  });

  it("reads chunked bodies, and refuses what is no wish", async () => {
    const chunked = new Blob(['{"draining":', "false}"]).stream();
    expect(await drain(chunked)).toMatchObject({ status: 200, body: { draining: false } });
    expect(await drain("{")).toMatchObject({ status: 400 });
    expect(await drain('{"draining":"yes"}')).toMatchObject({ status: 400, body: { error: { code: "bad_request", param: "draining" } } });
    expect(await drain("{}".padEnd(CONTROL_BODY_bytes_max + 1))).toMatchObject({ status: 413 });
  });

  it("is the operator's alone, whose key opens nothing else", async () => {
    expect(await drain(undefined, "")).toMatchObject({ status: 401, body: { error: { code: "authentication_error" } } });
    expect(await drain(undefined, apiKey)).toMatchObject({ status: 403, body: { error: { code: "forbidden" } } });
    expect((await test.post(ASK, { apiKey: ADMIN_KEY })).status).toBe(401);
  });
});

describe("a coordinator", () => {
  it("without its database lives, but is not ready", async () => {
    const test = await startTestCoordinator({ logLevel: "silent" });
    test.cutDatabase();
    expect(await test.get("/readyz")).toMatchObject({ status: 503, body: { ready: false, draining: false, checks: { database: false } } });
    expect((await test.get("/health")).status).toBe(200);
    await test.close();
  });
});
