import { readFile } from "node:fs/promises";
import path from "node:path";

/** A browser of a test, as far as signing in goes: it keeps cookies, and says which page sends a request. */
export interface TestBrowser {
  readonly cookies: ReadonlyMap<string, string>;
  call(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string | undefined>>,
  ): Promise<{ readonly status: number; readonly headers: Headers; readonly body: Record<string, unknown> }>;
}

export function testBrowser(url: string): TestBrowser {
  const cookies = new Map<string, string>();
  return {
    cookies,
    async call(method, path, body, headers = {}) {
      const isWrite = method !== "GET";
      const sent: Record<string, string | undefined> = {
        cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") || undefined,
        ...(isWrite ? { origin: url, "content-type": "application/json" } : {}),
        ...headers,
      };
      const response = await fetch(new URL(path, url), {
        method,
        redirect: "manual",
        headers: Object.fromEntries(Object.entries(sent).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
        body: isWrite && body !== undefined ? JSON.stringify(body) : null,
      });
      for (const cookie of response.headers.getSetCookie()) {
        const [pair = "", ...attributes] = cookie.split(";").map((part) => part.trim());
        const [name = "", ...value] = pair.split("=");
        if (attributes.some((attribute) => /^max-age=0$/i.test(attribute))) cookies.delete(name);
        else cookies.set(name, value.join("="));
      }
      const text = await response.text();
      return { status: response.status, headers: response.headers, body: text.startsWith("{") ? JSON.parse(text) : {} };
    },
  };
}

/** The letter to an address that came as the `nth`, of a coordinator without a mail server, as soon as it is there. */
export async function letterTo(home: string, to: string, nth = 1): Promise<Letter> {
  for (;;) {
    const file = await readFile(path.join(home, "mail.jsonl"), "utf8").catch(() => "");
    const lines = file.split("\n").slice(0, -1);
    const letter = lines.map((line) => JSON.parse(line) as Letter).filter((one) => one.to === to)[nth - 1];
    if (letter !== undefined) return letter;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

interface Letter {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

export function linkOf({ text }: Letter): string {
  return /https?:\/\/\S+/.exec(text)?.[0] ?? "";
}
