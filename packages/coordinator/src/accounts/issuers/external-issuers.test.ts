import { createFakeClock } from "@umbel/protocol/testing";
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../store/testing.js";
import { AccountsUnavailableError } from "../accounts-error.js";
import { createExternalIssuers, ISSUER_LIMITS } from "./external-issuers.js";

const ISSUER = "https://id.example.org";
const AUDIENCE = "umbel";

describe("tokens of other issuers", () => {
  let database: TestDatabase;
  let pair: Awaited<ReturnType<typeof generateKeyPair>>;
  let keys: unknown[];
  let fetched: string[];
  let isDown = false;
  const clock = createFakeClock(new Date());
  const answer = async (input: string | URL | Request) => {
    fetched.push(String(input));
    if (isDown) throw new TypeError("fetch failed");
    const discovery = String(input).endsWith("openid-configuration");
    return Response.json(discovery ? { jwks_uri: `${ISSUER}/keys` } : { keys });
  };
  const bench = (more: object = {}) =>
    createExternalIssuers({
      ...{ store: database.store, clock, fetch: answer as typeof fetch },
      issuers: [{ issuer: ISSUER, audience: AUDIENCE, adminClaim: "groups", adminValues: ["operators"], ...more }],
    });
  const now_s = () => Math.floor(clock.date().getTime() / 1_000);

  beforeAll(async () => {
    database = await createTestDatabase();
    pair = await generateKeyPair("ES256");
    keys = [{ ...(await exportJWK(pair.publicKey)), kid: "one", alg: "ES256" }];
    fetched = [];
  });
  afterAll(() => database.close());

  interface Said {
    readonly claims?: Record<string, unknown>;
    readonly kid?: string;
    readonly issuer?: string;
    readonly audience?: string;
    readonly ends_s?: number;
    readonly key?: Parameters<SignJWT["sign"]>[0];
    readonly alg?: string;
  }
  const token = ({ claims = {}, kid = "one", issuer = ISSUER, audience = AUDIENCE, ends_s = 600, key, alg = "ES256" }: Said = {}) =>
    new SignJWT({ sub: "subject", ...claims })
      .setProtectedHeader({ alg, kid })
      .setIssuer(issuer)
      .setAudience(audience)
      .setIssuedAt(now_s())
      .setExpirationTime(now_s() + ends_s)
      .sign(key ?? pair.privateKey);

  it("stand for one account each, which comes with the first of them, however many come at once", async () => {
    const issuers = bench();
    const first = await token({ claims: { sub: "ada", email: "Ada@Example.org", name: "Ada" } });
    const people = await Promise.all([1, 2, 3, 4].map(() => issuers.read(first)));
    expect(new Set(people.map((person) => person?.accountId)).size).toBe(1);
    const [row] = await database.store.client`select * from users where account_id = ${people[0]?.accountId ?? ""}`;
    expect(row).toMatchObject({ email: "ada@example.org", email_pending: false, display_name: "Ada" });
    const { count } = (await database.store.client`select count(*)::int as count from users where display_name = 'Ada'`)[0] ?? {};
    expect(count).toBe(1);
  });

  it("of one address are two accounts, where they are two subjects", async () => {
    const issuers = bench();
    const email = "shared@example.org";
    const [one, other] = [await token({ claims: { sub: "x", email } }), await token({ claims: { sub: "y", email } })];
    expect((await issuers.read(one))?.accountId).not.toBe((await issuers.read(other))?.accountId);
  });

  it("may come before their address, which is taken over when it comes", async () => {
    const issuers = bench();
    const account = (await issuers.read(await token({ claims: { sub: "late" } })))?.accountId ?? "";
    const read = async () => (await database.store.client`select email, email_pending from users where account_id = ${account}`)[0];
    expect(await read()).toEqual({ email: null, email_pending: true });
    await issuers.read(await token({ claims: { sub: "late", email: "late@example.org" } }));
    expect(await read()).toEqual({ email: "late@example.org", email_pending: false });
  });

  it("make operators by a claim", async () => {
    const issuers = bench();
    expect(await issuers.read(await token({ claims: { groups: ["staff", "operators"] } }))).toMatchObject({ operator: true });
    expect(await issuers.read(await token({ claims: { groups: "staff" } }))).toMatchObject({ operator: false });
  });

  it("are refused unless they are whole, meant for us, in time, and signed as we take it", async () => {
    const issuers = bench();
    const { leeway_s } = ISSUER_LIMITS;
    expect(await issuers.read(await token({ ends_s: -(leeway_s - 5) }))).toBeDefined();
    const wrong = [
      await token({ ends_s: -(leeway_s + 5) }),
      await token({ audience: "somebody else" }),
      await token({ issuer: "https://evil.example" }),
      await token({ claims: { sub: "" } }),
      await token({ claims: { nbf: now_s() + 120 } }),
      await token({ key: (await generateKeyPair("ES256")).privateKey }),
      await token({ alg: "HS256", key: new TextEncoder().encode("a shared secret that is long enough") }),
      new UnsecuredJWT({ sub: "subject" })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setExpirationTime(now_s() + 60)
        .encode(),
      "eyJ.eyJ.x",
    ];
    for (const bad of wrong) expect(await issuers.read(bad), bad).toBeUndefined();
  });

  it("bring their keys once, and for an unknown one no sooner again than in a minute", async () => {
    const issuers = bench();
    fetched.length = 0;
    await issuers.read(await token());
    await issuers.read(await token());
    expect(fetched).toEqual([`${ISSUER}/.well-known/openid-configuration`, `${ISSUER}/keys`]);
    for (const kid of ["two", "three", "four"]) expect(await issuers.read(await token({ kid }))).toBeUndefined();
    expect(fetched.length).toBeLessThanOrEqual(3);
  });

  it("say nothing of the caller while the issuer is out of reach", async () => {
    const issuers = bench();
    isDown = true;
    await expect(issuers.read(await token())).rejects.toThrow(AccountsUnavailableError);
    isDown = false;
    expect(await issuers.read(await token())).toBeDefined();
  });

  it("can be checked by one fixed key", async () => {
    fetched.length = 0;
    const issuers = bench({ publicKey: await exportSPKI(pair.publicKey) });
    expect(await issuers.read(await token())).toBeDefined();
    expect(fetched).toEqual([]);
  });
});
