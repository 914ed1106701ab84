import { readFile } from "node:fs/promises";
import path from "node:path";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { homeWithDatabase } from "./harness/database-template.js";
import { eventually, temporaryHome, type UmbelProcess, umbel } from "./harness/umbel.js";

const ADA = { name: "Ada", email: "ada@example.org", password: "correct horse battery" };

describe("somebody who signs up", () => {
  const home = homeWithDatabase();
  const desk = temporaryHome();
  let coordinator: UmbelProcess;
  let provider: UmbelProcess;
  let url: string;
  let cookie = "";
  beforeAll(async () => {
    coordinator = umbel(["coordinator", "--json", "--port", "0", "--home", home.path]);
    url = String((await coordinator.ready)["url"]);
    provider = umbel(["provider", "start", "--json", "--foreground", "--engine", "scripted", "--coordinator", url, "--home", desk.path]);
    await provider.ready;
  });
  afterAll(async () => {
    await provider.stop();
    await coordinator.stop();
    home.remove();
    desk.remove();
  });

  /** As a page of the coordinator does it. */
  async function call(method: string, place: string, body?: object, headers: Record<string, string> = {}) {
    const response = await fetch(new URL(place, url), {
      method,
      redirect: "manual",
      headers: { ...(cookie === "" ? {} : { cookie }), ...(body ? { origin: url, "content-type": "application/json" } : {}), ...headers },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const [set] = response.headers.getSetCookie();
    if (set !== undefined) cookie = set.split(";")[0] ?? "";
    const text = await response.text();
    return { status: response.status, body: text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : {} };
  }

  it("proves the address, makes a key in the browser, calls the API with it, signs a terminal in, and signs out", async () => {
    await call("POST", "/api/auth/sign-up/email", ADA);
    const letter = await eventually("a letter comes", async () => {
      const letters = await readFile(path.join(home.path, "mail.jsonl"), "utf8").catch(() => "");
      return /"(?:[^"\\]|\\.)*?(http[^\s"\\]+)/.exec(letters.split("\n")[0] ?? "")?.[1];
    });
    expect((await call("GET", letter)).status).toBe(302);
    expect((await call("POST", "/api/auth/sign-in/email", ADA)).status).toBe(200);
    const adminKey = (await readFile(path.join(home.path, "admin-key"), "utf8")).trim();
    const credit = { email: ADA.email, amount_usd: "1.00" };
    expect((await call("POST", "/v1/admin/credit", credit, { authorization: `Bearer ${adminKey}` })).status).toBe(200);

    const login = umbel(["login", "--json", "--coordinator", url, "--home", desk.path]);
    const { body: made } = await call("POST", "/v1/keys", { name: "first" });
    const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: String(made["key"]), maxRetries: 5 });
    const answer = await openai.chat.completions.create({ model: "sprout", messages: [{ role: "user", content: "hello" }] });
    expect(answer.choices[0]?.message.content).not.toBe("");

    const user_code = await eventually("a code is shown", async () => /Code: (\S+),/.exec(login.output())?.[1]);
    expect((await call("POST", "/v1/device/approve", { user_code })).status).toBe(200);
    const { body: me } = await call("GET", "/v1/me");
    expect(await login.ready).toEqual({ account_id: me["account_id"], coordinator: url });
    expect(await umbel(["device", "list", "--json", "--coordinator", url, "--home", desk.path]).ready).toMatchObject({ data: [] });
    const rename = ["keys", "update", String(Object(made["data"])["id"]), "--name", "renamed", "--json", "--home", desk.path];
    // What it has spent only the API tells.
    expect(await umbel(rename).ready).toMatchObject({ name: "renamed", usage_usd: expect.any(Number) });
    expect(await umbel(["logout", "--json", "--home", desk.path]).ready).toMatchObject({ revoked: true });

    expect((await call("POST", "/api/auth/sign-out", {})).status).toBe(200);
    expect((await call("GET", "/v1/me")).status).toBe(401);
  });
});
