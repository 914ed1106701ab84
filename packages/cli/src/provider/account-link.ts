import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { CliError, EXIT_CODES } from "../exit-codes.js";

/** Below the provider's home. */
const LINK_FILE = "account.json";

const accountLink = z.object({ coordinator: z.string(), account_id: z.string(), token: z.string().min(1) });
/** The account that this machine earns for, at one coordinator. */
export type AccountLink = z.infer<typeof accountLink>;

/** @throws CliError for a file that holds something else */
export async function readAccountLink(home: string): Promise<AccountLink | undefined> {
  const file = path.join(home, LINK_FILE);
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    return accountLink.parse(JSON.parse(text));
  } catch (cause) {
    throw new CliError(`${file} holds no link to an account.`, EXIT_CODES.configuration, "Delete it, then: umbel provider login", {
      cause,
    });
  }
}

/** Nobody else can read it, at no time; and it is there whole or not at all. */
export async function writeAccountLink(home: string, link: AccountLink): Promise<void> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  const draft = path.join(home, `${LINK_FILE}.${randomUUID()}`);
  await writeFile(draft, `${JSON.stringify(link, undefined, 2)}\n`, { mode: 0o600, flag: "wx" });
  await rename(draft, path.join(home, LINK_FILE));
}

export async function removeAccountLink(home: string): Promise<void> {
  await rm(path.join(home, LINK_FILE), { force: true });
}

/** The token for this coordinator; another one's is not shown to it. */
export async function linkedToken(home: string, coordinatorUrl: string | undefined): Promise<string | undefined> {
  const link = await readAccountLink(home);
  return link !== undefined && isSameCoordinator(link.coordinator, coordinatorUrl) ? link.token : undefined;
}

/** Also of an address that is written for WebSockets. */
function isSameCoordinator(linked: string, url: string | undefined): boolean {
  return url !== undefined && originOf(linked) === originOf(url);
}

function originOf(url: string): string {
  const written = url.replace(/^ws(?=s?:)/i, "http");
  return URL.canParse(written) ? new URL(written).origin : written;
}
