import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { loadSettings, SettingsError, settingsTable, writtenSettings } from "./index.js";

const scratch = mkdtempSync(path.join(tmpdir(), "umbel-settings-"));
afterEach(() => rmSync(path.join(scratch, "secret"), { force: true }));

function problemsOf(env: Record<string, string>): { name: string; value: string; expected: string }[] {
  try {
    loadSettings({ env });
  } catch (error) {
    if (error instanceof SettingsError) return [...error.problems];
    throw error;
  }
  return [];
}

describe("loadSettings", () => {
  it("has a default for everything", () => {
    const settings = loadSettings({ env: {} });
    expect(settings).toMatchObject({
      home: path.join(homedir(), ".umbel"),
      host: "127.0.0.1",
      port: 8080,
      databaseUrl: undefined,
      minTrust: "self_signed",
      bodyLimit_bytes: 16_777_216,
      headerTimeout_ms: 5_000,
      bodyTimeout_ms: 120_000,
      firstContentBase_ms: 5_000,
      idleTimeout_ms: 600_000,
      queueSize: 10,
      drainGrace_ms: 600_000,
      corsOrigins: [],
      metricsListen: undefined,
    });
  });

  it("takes the environment over defaults, and overrides over the environment", () => {
    const env = { UMBEL_PORT: "9000", UMBEL_HOST: "::1" };
    expect(loadSettings({ env, overrides: { port: "0" } })).toMatchObject({ port: 0, host: "::1" });
  });

  it.each([
    ["250ms", 250],
    ["10s", 10_000],
    ["5m", 300_000],
    ["1h", 3_600_000],
    ["1500", 1_500],
  ])("reads the duration %s", (written, milliseconds) => {
    expect(loadSettings({ env: { UMBEL_QUEUE_WAIT: written } }).queueWait_ms).toBe(milliseconds);
  });

  it.each(["1.5", "1.5s", "-1s", "1 s", "s", "99h", "0"])("refuses the duration %j", (written) => {
    expect(problemsOf({ UMBEL_QUEUE_WAIT: written })).toMatchObject([{ name: "UMBEL_QUEUE_WAIT" }]);
  });

  it("lets 0 switch off what may be off", () => {
    expect(loadSettings({ env: { UMBEL_PREFILL_KEEPALIVE_INTERVAL: "0" } }).keepaliveInterval_ms).toBe(0);
  });

  it("accepts a body limit up to what a provider's frame can hold, and not above", () => {
    expect(loadSettings({ env: { UMBEL_BODY_LIMIT: "64KiB" } }).bodyLimit_bytes).toBe(65_536);
    expect(problemsOf({ UMBEL_BODY_LIMIT: "17MiB" })).toHaveLength(1);
  });

  it("reads numbers by name, and refuses what is none", () => {
    expect(loadSettings({ env: { UMBEL_WARM_POOL_MIN_WARM: "oak-7b=2, sprout=0" } }).warmPoolMinWarm).toEqual(
      new Map([
        ["oak-7b", 2],
        ["sprout", 0],
      ]),
    );
    expect(loadSettings({ env: {} }).warmPoolMinWarm.size).toBe(0);
    for (const wrong of ["oak-7b", "oak-7b=many", "=1", "oak=1=2", "oak=999999999"]) {
      expect(problemsOf({ UMBEL_WARM_POOL_MIN_WARM: wrong })).toHaveLength(1);
    }
    expect(loadSettings({ env: { UMBEL_QUEUE_WAITS: "oak-7b=90s,sprout=5" } }).queueWaits_ms).toEqual(
      new Map([
        ["oak-7b", 90_000],
        ["sprout", 5],
      ]),
    );
    for (const wrong of ["oak-7b=0", "oak-7b=soon", "oak-7b=25h"]) expect(problemsOf({ UMBEL_QUEUE_WAITS: wrong })).toHaveLength(1);
  });

  it("reads coefficients by the names that routing has for them, and refuses what none of them may be", () => {
    const written = "coldLoad_ms=12000, batchSlowdown=0.31";
    expect([...loadSettings({ env: { UMBEL_COST_COEFFICIENTS: written } }).costCoefficients]).toEqual([
      ["coldLoad_ms", 12_000],
      ["batchSlowdown", 0.31],
    ]);
    expect(loadSettings({ env: {} }).costCoefficients.size).toBe(0);
    for (const wrong of ["version=3", "coldload=1", "coldLoad_ms", "coldLoad_ms=-1", "prefillPerDecode=0", "longPromptWeight=0.5"]) {
      expect(problemsOf({ UMBEL_COST_COEFFICIENTS: wrong })).toHaveLength(1);
    }
  });

  it("reads after how many failures of a kind a request is given up, of the kinds that are tried elsewhere", () => {
    const { failures_max, attempts_max, hedgeShare } = loadSettings({
      env: { UMBEL_FAILURES_MAX: "timeout=4", UMBEL_ATTEMPTS_MAX: "8", UMBEL_HEDGE_SHARE: "0" },
    });
    expect([[...failures_max], attempts_max, hedgeShare]).toEqual([[["timeout", 4]], 8, 0]);
    for (const wrong of ["client_request=2", "timeout=0", "timeout=65", "timeout"]) {
      expect(problemsOf({ UMBEL_FAILURES_MAX: wrong })).toHaveLength(1);
    }
    expect(problemsOf({ UMBEL_ATTEMPTS_MAX: "65", UMBEL_HEDGE_SHARE: "1.5" })).toHaveLength(2);
  });

  it("names every problem at once, with the value and the expected form", () => {
    const problems = problemsOf({ UMBEL_PORT: "70000", UMBEL_MIN_TRUST: "blind", UMBEL_CORS_ORIGIN: "https://a.example/path" });
    expect(problems).toEqual([
      { name: "UMBEL_PORT", value: '"70000"', expected: "a whole number from 0 to 65535" },
      { name: "UMBEL_CORS_ORIGIN", value: '"https://a.example/path"', expected: expect.stringContaining("an origin such as") },
      { name: "UMBEL_MIN_TRUST", value: '"blind"', expected: "one of none, self_signed, hardware" },
    ]);
    expect(new SettingsError(problems).message.split("\n")).toHaveLength(4);
  });

  it("never shows a secret", () => {
    const [problem] = problemsOf({ UMBEL_DATABASE_URL: "mysql://root:hunter2@db/umbel" });
    expect(JSON.stringify(problem)).not.toContain("hunter2");
    expect(problem?.value).toBe("(hidden)");
  });

  it("reads a secret from the file that is named, without its last newline", () => {
    const file = path.join(scratch, "secret");
    writeFileSync(file, "postgres://u:p@db:5432/umbel\n");
    expect(loadSettings({ env: { UMBEL_DATABASE_URL_FILE: file } }).databaseUrl).toBe("postgres://u:p@db:5432/umbel");
  });

  it("refuses a secret given twice or a file that cannot be read", () => {
    const missing = path.join(scratch, "absent");
    expect(problemsOf({ UMBEL_DATABASE_URL_FILE: missing })).toMatchObject([{ name: "UMBEL_DATABASE_URL_FILE", value: missing }]);
    expect(problemsOf({ UMBEL_DATABASE_URL_FILE: missing, UMBEL_DATABASE_URL: "postgres://db/umbel" })).toHaveLength(1);
  });

  it("refuses a name with our prefix that it does not know, but not those of providers and clients", () => {
    expect(problemsOf({ UMBEL_PROT: "8080" })).toMatchObject([{ name: "UMBEL_PROT" }]);
    expect(
      problemsOf({
        UMBEL_PROVIDER_TOKEN: "x",
        UMBEL_API_KEY: "x",
        UMBEL_BASE_URL: "x",
        UMBEL_PUBLISHING_KEY: "x",
        UMBEL_NO_UPDATE_CHECK: "1",
        PATH: "/bin",
      }),
    ).toEqual([]);
  });
});

describe("the country of callers", () => {
  it("is what trusted proxies say, so that there must be some", () => {
    const country = { UMBEL_COUNTRY_HEADER: "CF-IPCountry" };
    expect(problemsOf(country)).toMatchObject([{ name: "UMBEL_TRUSTED_PROXIES" }]);
    expect(loadSettings({ env: { ...country, UMBEL_TRUSTED_PROXIES: "10.0.0.1" } }).countryHeader).toBe("cf-ipcountry");
    expect(problemsOf({ UMBEL_COUNTRY_HEADER: "a header" })).toHaveLength(1);
  });
});

describe("challenges", () => {
  it("leave a machine that answers each in time its trust, and its connection as long as that", () => {
    const times = { UMBEL_CHALLENGE_INTERVAL: "1m", UMBEL_CHALLENGE_TIMEOUT: "10s" };
    expect(problemsOf({ ...times, UMBEL_CHALLENGE_FRESHNESS: "71s" })).toEqual([]);
    expect(problemsOf({ ...times, UMBEL_CHALLENGE_FRESHNESS: "70s" })).toMatchObject([{ name: "UMBEL_CHALLENGE_FRESHNESS" }]);
    expect(problemsOf({ UMBEL_CHALLENGE_SILENCES_CLOSE: "2" })).toMatchObject([{ name: "UMBEL_CHALLENGE_SILENCES_CLOSE" }]);
    expect(problemsOf({ UMBEL_EVICTION_TIMEOUT: "14s" })).toHaveLength(1);
  });
});

describe("a chain to pay out on", () => {
  it("is set up whole, or not at all", () => {
    const whole = { UMBEL_CHAIN_ID: "1", UMBEL_CHAIN_TOKEN: `0x${"a".repeat(40)}`, UMBEL_CHAIN_KEY_FILE: "/secrets/key" };
    const rpc = { UMBEL_CHAIN_RPC_URL: "http://127.0.0.1:8545" };
    expect(problemsOf({ ...rpc, ...whole })).toEqual([]);
    expect(problemsOf(rpc).map(({ name }) => name)).toEqual(["UMBEL_CHAIN_TOKEN", "UMBEL_CHAIN_KEY_FILE", "UMBEL_CHAIN_ID"]);
    expect(problemsOf({ UMBEL_CHAIN_FEE_USD: "0.005" })).toMatchObject([{ name: "UMBEL_CHAIN_FEE_USD" }]);
    expect(loadSettings({ env: { UMBEL_CHAIN_FEE_USD: "0.50" } }).chainFee_microUsd).toBe(500_000n);
  });
});

describe("credits without a payment", () => {
  const mock = { UMBEL_BILLING_MOCK: "true" };

  it("are refused beside a Stripe key, in production, and with a database on another machine", () => {
    expect(problemsOf({ ...mock, UMBEL_STRIPE_SECRET_KEY: "sk_test_12345678" })).toMatchObject([{ name: "UMBEL_BILLING_MOCK" }]);
    expect(problemsOf({ ...mock, NODE_ENV: "production" })).toMatchObject([{ name: "UMBEL_BILLING_MOCK" }]);
    expect(problemsOf({ ...mock, UMBEL_DATABASE_URL: "postgres://u:p@db.example.org/umbel" })).toMatchObject([
      { name: "UMBEL_BILLING_MOCK" },
    ]);
  });

  it("are there on this machine, and elsewhere for whoever says that he knows", () => {
    const known = { UMBEL_ALLOW_BILLING_MOCK_I_KNOW: "true" };
    expect(problemsOf({ ...mock, UMBEL_DATABASE_URL: "postgres://u:p@127.0.0.1/umbel" })).toEqual([]);
    expect(problemsOf({ ...mock, ...known, NODE_ENV: "production" })).toEqual([]);
    expect(problemsOf({ ...mock, ...known, UMBEL_STRIPE_SECRET_KEY: "sk_test_12345678" })).toHaveLength(1);
  });
});

describe("settings in effect", () => {
  it("are known as they were written, with where each comes from, but for secrets", () => {
    const env = { UMBEL_QUEUE_SIZE: "12", UMBEL_ADMIN_KEY: "an-admin-key-that-is-long-enough" };
    const rows = writtenSettings(loadSettings({ env, overrides: { port: "0" } }));
    const row = (name: string) => rows.find((each) => each.name === name);
    expect(row("UMBEL_QUEUE_SIZE")).toMatchObject({ value: "12", source: "environment" });
    expect(row("UMBEL_PORT")).toMatchObject({ value: "0", source: "command_line" });
    expect(row("UMBEL_HOST")).toMatchObject({ value: "127.0.0.1", source: "default" });
    expect(row("UMBEL_ADMIN_KEY")).toMatchObject({ value: undefined, source: "environment" });
  });
});

describe("the README", () => {
  it("lists exactly the settings there are", () => {
    const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
    expect(readme).toContain(settingsTable());
  });
});
