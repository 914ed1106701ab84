import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { CliError, EXIT_CODES } from "../exit-codes.js";

/** Below the home: what this machine earns for, and whom this machine's user has signed in as. */
const LINK_FILE = "account.json";
export const SESSION_FILE = "session.json";
type LinkFile = typeof LINK_FILE | typeof SESSION_FILE;

const accountLink = z.object({ coordinator: z.string(), account_id: z.string(), token: z.string().min(1) });
/** An account at one coordinator, with what opens it. */
export type AccountLink = z.infer<typeof accountLink>;

/** @throws CliError for a file that holds something else */
export async function readAccountLink(home: string, name: LinkFile = LINK_FILE): Promise<AccountLink | undefined> {
  const file = path.join(home, name);
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    return accountLink.parse(JSON.parse(text));
  } catch (cause) {
    throw new CliError(
      `${file} holds no link to an account.`,
      EXIT_CODES.configuration,
      `Delete it, then: umbel ${name === LINK_FILE ? "provider login" : "login"}`,
      {
        cause,
      },
    );
  }
}

/** Nobody else can read it, at no time; and it is there whole or not at all. */
export async function writeAccountLink(home: string, link: AccountLink, name: LinkFile = LINK_FILE): Promise<void> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  const draft = path.join(home, `${name}.${randomUUID()}`);
  await writeFile(draft, `${JSON.stringify(link, undefined, 2)}\n`, { mode: 0o600, flag: "wx" });
  await rename(draft, path.join(home, name));
}

export async function removeAccountLink(home: string, name: LinkFile = LINK_FILE): Promise<void> {
  await rm(path.join(home, name), { force: true });
}

/** The token for this coordinator; another one's is not shown to it. */
export async function linkedToken(
  home: string,
  coordinatorUrl: string | undefined,
  name: LinkFile = LINK_FILE,
): Promise<string | undefined> {
  const link = await readAccountLink(home, name);
  return link !== undefined && isSameCoordinator(link.coordinator, coordinatorUrl) ? link.token : undefined;
}

/** The machine's token: one that is named, else of `UMBEL_PROVIDER_TOKEN`, else of its link to this coordinator. What is empty is none. */
export async function machineToken(home: string, coordinatorUrl: string | undefined, named?: string): Promise<string | undefined> {
  const given = named || process.env["UMBEL_PROVIDER_TOKEN"];
  return given || (await linkedToken(home, coordinatorUrl));
}

/** Also of an address that is written for WebSockets. */
function isSameCoordinator(linked: string, url: string | undefined): boolean {
  return url !== undefined && originOf(linked) === originOf(url);
}

function originOf(url: string): string {
  const written = url.replace(/^ws(?=s?:)/i, "http");
  return URL.canParse(written) ? new URL(written).origin : written;
}
