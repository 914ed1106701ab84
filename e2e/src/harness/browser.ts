/** Drives a Chromium that is on this machine, over the pipe that it offers for that; there is none in the dependencies. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Readable, Writable } from "node:stream";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const LOOK_ms = 50;
const WAIT_ms = 15_000;
const CLOSE_ms = 5_000;

export interface Browser {
  page(): Promise<BrowserPage>;
  close(): Promise<void>;
}

export interface BrowserPage {
  goto(url: string): Promise<void>;
  /** Runs an expression in the page. @returns its value */
  evaluate<Value>(expression: string): Promise<Value>;
  /** Until an expression holds. @throws Error with what the page shows */
  until(expression: string): Promise<void>;
  /** Of the part of the page that is seen. */
  size(width: number, height: number): Promise<void>;
  scheme(scheme: "light" | "dark"): Promise<void>;
  screenshot(file: string): Promise<void>;
  /** What the page complained about so far: errors, refusals of its policy, failed scripts. */
  readonly complaints: string[];
}

/** Where one is; undefined where there is none. `E2E_BROWSER` names another. */
export function findBrowser(): string | undefined {
  const named = process.env["E2E_BROWSER"];
  if (named !== undefined) return named;
  const folders = (process.env["PATH"] ?? "").split(path.delimiter);
  return folders.flatMap((folder) => NAMES.map((name) => path.join(folder, name))).find((file) => existsSync(file));
}

export async function openBrowser(executable: string): Promise<Browser> {
  const profile = mkdtempSync(path.join(tmpdir(), "umbel-browser-"));
  const flags = ["--headless=new", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio"];
  // Its sandbox takes no root; pages here are our own.
  const root = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const child = spawn(executable, [...flags, ...root, `--user-data-dir=${profile}`, "about:blank"], {
    stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const protocol = speak(child);
  return {
    async page() {
      const { targetId } = await protocol.send<{ targetId: string }>("Target.createTarget", { url: "about:blank" });
      const { sessionId } = await protocol.send<{ sessionId: string }>("Target.attachToTarget", { targetId, flatten: true });
      return pageOf(protocol, sessionId);
    },
    async close() {
      // All of its processes write into the profile until they have ended.
      const killing = setTimeout(() => child.kill("SIGKILL"), CLOSE_ms);
      await Promise.race([protocol.send("Browser.close"), exited]);
      await exited;
      clearTimeout(killing);
      rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
}

interface Message {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

interface Protocol {
  send<Result>(method: string, params?: object, sessionId?: string): Promise<Result>;
  onEvent(listener: (message: Message) => void): void;
}

/** Messages are JSON, each ended by a zero byte. */
function speak(child: ChildProcess): Protocol {
  const [to, from] = [child.stdio[3] as Writable, child.stdio[4] as Readable];
  const waiting = new Map<number, (message: Message) => void>();
  const listeners: ((message: Message) => void)[] = [];
  let rest = "";
  let last = 0;
  from.setEncoding("utf8");
  from.on("data", (text: string) => {
    const messages = (rest + text).split("\0");
    rest = messages.pop() ?? "";
    for (const each of messages) {
      const message = JSON.parse(each) as Message;
      if (message.id === undefined) for (const listener of listeners) listener(message);
      else waiting.get(message.id)?.(message);
    }
  });
  return {
    onEvent: (listener) => void listeners.push(listener),
    send: (method, params = {}, sessionId) =>
      new Promise((resolve, reject) => {
        last += 1;
        const id = last;
        waiting.set(id, ({ result, error }) => {
          waiting.delete(id);
          if (error === undefined) resolve(result as never);
          else reject(new Error(`${method}: ${error.message}`));
        });
        to.write(`${JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) })}\0`);
      }),
  };
}

async function pageOf(protocol: Protocol, sessionId: string): Promise<BrowserPage> {
  const send = <Result>(method: string, params?: object) => protocol.send<Result>(method, params, sessionId);
  const complaints: string[] = [];
  protocol.onEvent(({ sessionId: of, method, params }) => {
    if (of !== sessionId) return;
    const entry = params?.["entry"] as { level: string; text: string; url?: string } | undefined;
    // What the coordinator refuses is shown by the page itself.
    if (method === "Log.entryAdded" && entry?.level === "error" && !/the server responded with a status of 4\d\d/.test(entry.text)) {
      complaints.push(`${entry.text} ${entry.url ?? ""}`);
    }
    if (method === "Runtime.exceptionThrown") complaints.push(JSON.stringify(params?.["exceptionDetails"]));
    if (method === "Runtime.consoleAPICalled" && params?.["type"] === "error") complaints.push(JSON.stringify(params["args"]));
  });
  await Promise.all(["Page.enable", "Runtime.enable", "Log.enable"].map((method) => send(method)));

  async function evaluate<Value>(expression: string): Promise<Value> {
    const { result, exceptionDetails } = await send<{
      result: { value: Value };
      exceptionDetails?: { text: string; exception?: { description?: string } };
    }>("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  async function until(expression: string): Promise<void> {
    for (const end = Date.now() + WAIT_ms; ; ) {
      // Between two pages there is nothing to ask.
      const holds = await evaluate<boolean>(`Boolean(${expression})`).catch(() => false);
      if (holds) return;
      if (Date.now() > end) {
        const shown = await evaluate<string>("location.pathname + '\\n' + document.body.innerText").catch(() => "nothing");
        throw new Error(`the page never came to ${expression}; it shows:\n${shown}\n${complaints.join("\n")}`);
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_ms));
    }
  }

  return {
    complaints,
    evaluate,
    until,
    async goto(url) {
      await send("Page.navigate", { url });
      await until(`location.href.startsWith(${JSON.stringify(url)}) && document.readyState === "complete"`);
    },
    size: async (width, height) =>
      void (await send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 640 })),
    scheme: async (value) => void (await send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value }] })),
    async screenshot(file) {
      const { data } = await send<{ data: string }>("Page.captureScreenshot", { captureBeyondViewport: true });
      writeFileSync(file, Buffer.from(data, "base64"));
    },
  };
}
