import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, MODEL, runUmbel, startNetwork, type TestNetwork, type UmbelProcess, umbel } from "./harness/index.js";

const SCRIPT = { answer: { kind: "echo" }, answerTokens: 8, tokens_per_s: 200 };

describe("umbel explain", () => {
  let network: TestNetwork;
  let privateMachine: UmbelProcess;
  let apiKey: string;
  let token: string;
  let job: string;
  let servedBy: string;

  beforeAll(async () => {
    network = await startNetwork();
    const client = await network.client();
    apiKey = client.apiKey;
    token = JSON.parse(run("keys", "create", "--provider", "--account", "bob", "--json").stdout).provider_token;
    await network.provider({ script: SCRIPT });
    privateMachine = await startPrivateMachine();
    const { response } = await client.openai.chat.completions
      .create({ model: MODEL, messages: [{ role: "user", content: "hello" }] })
      .withResponse();
    job = response.headers.get("x-inference-job-id") ?? "";
    servedBy = response.headers.get("x-provider-id") ?? "";
    await network.settledBalance(apiKey);
  });
  afterAll(async () => {
    privateMachine.kill("SIGKILL");
    await privateMachine.exited;
    await network.close();
  });

  const run = (...args: string[]) => runUmbel([...args, "--home", network.home], { UMBEL_BASE_URL: `${network.url}/v1` });

  /** A machine that serves its owner only: every stranger's request finds it refused. */
  async function startPrivateMachine(): Promise<UmbelProcess> {
    const home = path.join(network.home, "private-machine");
    mkdirSync(home);
    writeFileSync(path.join(home, "script.json"), JSON.stringify(SCRIPT));
    const engine = ["--engine", "scripted", "--script", path.join(home, "script.json")];
    const machine = umbel(
      ["provider", "start", "--foreground", "--json", "--private-only", "--coordinator", network.url, "--home", home, ...engine],
      { UMBEL_PROVIDER_TOKEN: token },
    );
    await machine.ready;
    await eventually("the private machine is connected", async () =>
      Number((await network.get("/health")).body["providers"]) > 1 ? true : undefined,
    );
    return machine;
  }

  it("says which machine answered and why the others did not, and decides again to the same machine", () => {
    const { status, stdout } = run("explain", job, "--replay");
    expect(status).toBe(0);
    expect(stdout).toContain(`${servedBy} answered at the first attempt`);
    expect(stdout).toContain("1 of 2 machines could serve this request");
    expect(stdout).toMatch(/mach_[0-9a-f]{16} \(private_only\): it serves only its owner/);
    expect(stdout).toContain(`attempt 0: the same machine wins again: ${servedBy}`);
    const json = JSON.parse(run("explain", job, "--replay", "--json").stdout);
    expect(json).toMatchObject({ request_id: job, final_status: "success", replay: [{ attempt: 0, outcome: "same" }] });
  });

  it("tells whoever made the request less, and nobody else anything", async () => {
    const { status, stdout } = run("explain", job, "--api-key", apiKey);
    expect(status).toBe(0);
    expect(stdout).toContain("refused 1 machine (private_only)");
    expect(stdout).not.toContain("machine by machine");
    const stranger = await network.client({ account: "carol" });
    expect(run("explain", job, "--api-key", stranger.apiKey)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("Nothing is known"),
    });
    expect(run("explain", job, "--api-key", apiKey, "--replay")).toMatchObject({ status: 4, stderr: expect.stringContaining("operator") });
    expect(run("explain", "no-such-request")).toMatchObject({ status: 1 });
    expect(run("explain")).toMatchObject({ status: 2 });
  });

  it("says to an owner why a machine gets no work, and what to do", () => {
    const { status, stdout } = run("explain", "--machine", "--token", token);
    expect(status).toBe(0);
    expect(stdout).toMatch(/Machine mach_[0-9a-f]{16}: gets no work \(private_only\)/);
    expect(stdout).toContain("What to do: nothing, if that is what you want");
    expect(run("explain", "--machine", servedBy, "--token", token)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("no machine"),
    });
    expect(run("explain", "--machine", "--token", apiKey)).toMatchObject({ status: 4 });
  });

  it("has a list to find requests in", () => {
    const { status, stdout } = run("admin", "decisions", "--status", "success");
    expect(status).toBe(0);
    expect(stdout).toContain(job);
    expect(run("admin", "decisions", "--admin-key", "guess")).toMatchObject({ status: 4 });
  });
});
