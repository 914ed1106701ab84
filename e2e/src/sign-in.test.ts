import { readFile } from "node:fs/promises";
import path from "node:path";
import { type FakeStripe, startFakeStripe, startPayoutChain } from "@umbel/coordinator/testing";
import { systemClock } from "@umbel/protocol/native";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BrowserPage, findBrowser, openBrowser } from "./harness/browser.js";
import { homeWithDatabase } from "./harness/database-template.js";
import { eventually, freePort, temporaryHome, type UmbelProcess, umbel } from "./harness/umbel.js";

const ADA = { name: "Ada", email: "ada@example.org", password: "correct horse battery" };
const GRACE = { name: "Grace", email: "grace@example.org", password: "a staple for the battery" };

const BROWSER = findBrowser();
if (BROWSER === undefined) process.stderr.write("There is no Chromium here: the console's pages are not walked.\n");
const PAGES_OF_MONEY = [
  ...["/billing", "/usage", "/usage?group=model", "/earnings", "/invites", "/account"],
  ...["accounts", "codes", "prices", "money", "program", "audit"].map((view) => `/admin?view=${view}`),
  "/admin?account={account}",
];
/** Fills a form in as somebody who types does, and sends it. */
const SEND = `({ form, fields }) => {
  const found = document.querySelector(form);
  for (const [name, value] of Object.entries(fields)) {
    const field = found.elements[name];
    if (field.type === "checkbox") field.click();
    else {
      Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "value").set.call(field, value);
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
  }
  found.requestSubmit();
}`;
const ASK = `fetch("/v1/chat/completions", {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ model: "sprout", messages: [{ role: "user", content: "hello" }] }),
}).then((answer) => answer.json())`;
/** On Stripe's page, which is not there. */
const AWAY = `location.protocol !== "http:"`;
/** As an operator does who has signed in. */
const REWARD = (account_id: string) => `fetch("/v1/admin/reward", {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: ${JSON.stringify(JSON.stringify({ account_id, amount_usd: "50" }))},
}).then((answer) => answer.json())`;
/** Fields and buttons that nobody can call by a name. */
const UNNAMED = `[...document.querySelectorAll("input, select, button, a, meter")]
  .filter((one) => !(one.ariaLabel || one.textContent.trim() || one.labels?.length || one.getAttribute("aria-labelledby")))
  .map((one) => one.outerHTML)`;

/** With `E2E_SCREENSHOTS`, a directory, pages can be looked at afterwards. */
async function keepShot(page: BrowserPage, name: string): Promise<void> {
  const directory = process.env["E2E_SCREENSHOTS"];
  if (directory === undefined) return;
  for (const scheme of ["light", "dark"] as const) {
    await page.scheme(scheme);
    await page.screenshot(path.join(directory, `${name.replaceAll(/\W+/g, "-")}-${scheme}.png`));
  }
}

describe("somebody who signs up", () => {
  const home = homeWithDatabase();
  const desk = temporaryHome();
  let coordinator: UmbelProcess;
  let provider: UmbelProcess;
  let stripe: FakeStripe;
  let chain: Awaited<ReturnType<typeof startPayoutChain>>;
  let url: string;
  let cookie = "";
  beforeAll(async () => {
    const port = String(await freePort());
    [stripe, chain] = await Promise.all([startFakeStripe(systemClock), startPayoutChain(desk.path)]);
    coordinator = umbel(["coordinator", "--json", "--port", port, "--home", home.path], {
      UMBEL_FINANCIAL_RATE_LIMIT_RPS: "0",
      UMBEL_STRIPE_SECRET_KEY: stripe.secretKey,
      UMBEL_STRIPE_API_URL: stripe.url,
      UMBEL_STRIPE_WEBHOOK_SECRET: stripe.secrets.account,
      UMBEL_STRIPE_CONNECT_WEBHOOK_SECRET: stripe.secrets.connect,
      ...chain.env,
    });
    url = String((await coordinator.ready)["url"]);
    const token = (await readFile(path.join(home.path, "setup-token"), "utf8")).trim();
    expect((await call("POST", "/v1/setup", { token, ...GRACE })).status).toBe(200);
    cookie = "";
    provider = umbel(["provider", "start", "--json", "--foreground", "--engine", "scripted", "--coordinator", url, "--home", desk.path]);
    await provider.ready;
  });
  afterAll(async () => {
    await provider.stop();
    await coordinator.stop();
    await Promise.all([stripe.close(), chain.close()]);
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

  let told = 0;
  /** Tells the coordinator what has happened at Stripe since. */
  async function tellOfStripe() {
    for (const event of stripe.world.events.slice(told)) {
      const { body, signature } = stripe.signed(event);
      const webhook = event.endpoint === "account" ? "/v1/billing/stripe/webhook" : "/v1/billing/stripe/connect/webhook";
      const headers = { "stripe-signature": signature };
      expect((await fetch(`${url}${webhook}`, { method: "POST", headers, body: Buffer.from(body) })).status).toBe(200);
    }
    told = stripe.world.events.length;
  }
  function latest<Item>(items: ReadonlyMap<string, Item>): Item {
    const item = [...items.values()].at(-1);
    if (item === undefined) throw new Error("Stripe was not asked");
    return item;
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
    expect(await umbel(rename).ready).toMatchObject({ name: "renamed", usage_usd: expect.any(Number) });
    expect(await umbel(["logout", "--json", "--home", desk.path]).ready).toMatchObject({ revoked: true });

    expect((await call("POST", "/api/auth/sign-out", {})).status).toBe(200);
    expect((await call("GET", "/v1/me")).status).toBe(401);
  });

  it.skipIf(BROWSER === undefined)("keeps accounts and money in a browser, at a desk and on a phone", async () => {
    const browser = await openBrowser(BROWSER ?? "");
    try {
      const page = await browser.page();
      const shows = (text: string) => page.until(`document.body.innerText.includes(${JSON.stringify(text)})`);
      const open = async (place: string) => {
        await page.goto(`${url}${place}`);
        await page.until(`document.querySelector("main section, main form") && !document.querySelector(".loading")`);
      };
      const send = (form: string, fields: Readonly<Record<string, string>>) =>
        page.evaluate(`(${SEND})(${JSON.stringify({ form, fields })})`);

      await page.size(1280, 900);
      await page.goto(`${url}/sign-in?next=/billing`);
      await page.until(`document.querySelector("form")`);
      await send("form", { email: GRACE.email, password: GRACE.password });
      await shows("Balance");
      const account = await page.evaluate<string>(`fetch("/v1/me").then((me) => me.json()).then((me) => me.account_id)`);

      await open(`/admin?account=${account}`);
      await send('[aria-label="Give"]', { amount_usd: "12.345678", note: "welcome" });
      await shows("$12.345678 were given.");
      await open("/admin?view=codes");
      await send('[aria-label="New invite code"]', { amount_usd: "2.50", code: "spring" });
      await shows("The code is SPRING");
      await open("/admin?view=program");
      await send('[aria-label="Oldest version"]', { version: "99.0.0" });
      await shows("1 of 1 connected machine would get no requests.");
      await open("/invites");
      await send('[aria-label="Redeem an invite code"]', { code: "spring" });
      await shows("$2.50 are on your account.");
      await send('[aria-label="Redeem an invite code"]', { code: "spring" });
      await page.until(`document.querySelector("[role=alert]")`);
      await send('[aria-label="Your code"]', { code: "grace-1" });
      await shows("Your code is GRACE-1");
      await open("/billing");
      await send('[aria-label="Add credits"]', { amount_usd: "5" });
      await page.until(AWAY);
      stripe.world.pay(latest(stripe.world.checkouts).id);
      await tellOfStripe();
      await open("/billing");
      await page.evaluate(`void location.assign("/billing?session_id=returned")`);
      await shows("$5.00 are on your account.");
      await shows("$19.845678");
      await page.evaluate(ASK);
      await open("/usage");
      await shows("$0.0001");
      await page.evaluate(`document.querySelector(".head button").click()`);
      await open("/account");
      await send('[aria-label="End this account"]', { confirm: GRACE.email, forfeit: "on" });
      await shows("This account ends on");
      await page.evaluate(`[...document.querySelectorAll("button")].find((button) => button.innerText === "Keep it").click()`);
      await page.until(`document.querySelector('[aria-label="End this account"]')`);
      await page.evaluate(REWARD(account));
      await open("/earnings");
      await send('[aria-label="Where earnings are paid to"]', { country: "us" });
      await page.until(AWAY);
      stripe.world.onboard(latest(stripe.world.accounts).id);
      await tellOfStripe();
      await open("/earnings");
      await shows("Paid to a bank account that ends in 6789.");
      await send('[aria-label="Withdraw"]', { amount: "20.50" });
      await shows("$20.50 are on their way, expected in 1-2 business days.");
      expect(stripe.world.transfers.size).toBe(1);
      await send('[aria-label="Address for a stablecoin"]', { wallet: chain.wallet.address });
      await page.until(`document.querySelector("code.secret")`);
      const signature = await chain.wallet.sign(await page.evaluate<string>(`document.querySelector("code.secret").textContent`));
      await send('[aria-label="Address for a stablecoin"]', { signature });
      await shows(`Stablecoin to ${chain.wallet.address}`);
      await page.evaluate(`document.querySelectorAll('[aria-label="Withdraw"] [type=radio]')[1].click()`);
      await shows("Fee $1.00;");
      await send('[aria-label="Withdraw"]', { amount: "29.50" });
      await shows("$28.50 are on their way");
      await chain.mine();
      expect(await chain.balanceOf(chain.wallet.address)).toBe(28_500_000n);

      for (const place of PAGES_OF_MONEY) {
        await open(place.replace("{account}", account));
        for (const [width, height] of [
          [1280, 900],
          [390, 844],
        ] as const) {
          await page.size(width, height);
          expect(await page.evaluate(`document.documentElement.scrollWidth`), `${place} at ${width}`).toBeLessThanOrEqual(width);
          await keepShot(page, `${place} ${width}`);
        }
        expect(await page.evaluate(UNNAMED), place).toEqual([]);
      }
      // Of Stripe's own pages there are none here.
      expect(page.complaints.filter((complaint) => !complaint.includes(".stripe.test"))).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});
