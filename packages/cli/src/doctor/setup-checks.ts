import { access, constants, mkdir, stat } from "node:fs/promises";
import path from "node:path";
import { type Finding, fail, pass, warn } from "./finding.js";
import type { Patient } from "./patient.js";

/** The oldest Node that Umbel runs on: major and minor. */
const NODE_LEAST = [20, 19] as const;
const GiB = 2 ** 30;
/** With less, logs, keys and a model's record cannot be written for long. */
const DISK_FREE_LEAST_bytes = GiB;
const MEMORY_LEAST_bytes = 2 * GiB;
const OTHERS = 0o077;

/** This machine and the files of the Umbel home. */
export async function setupChecks(patient: Patient): Promise<Finding[]> {
  return [node(patient), memory(patient), ...settings(patient), await home(patient), await disk(patient), await deviceKey(patient)];
}

function node({ nodeVersion }: Patient): Finding {
  const [major = 0, minor = 0] = nodeVersion.replace(/^v/, "").split(".").map(Number);
  const [leastMajor, leastMinor] = NODE_LEAST;
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return pass("node", `Node ${nodeVersion}`);
  return fail("node", `Node ${nodeVersion} is too old.`, `Install Node ${NODE_LEAST.join(".")} or newer.`);
}

function memory({ memory_bytes }: Patient): Finding {
  const words = `${(memory_bytes / GiB).toFixed(1)} GiB of memory`;
  if (memory_bytes >= MEMORY_LEAST_bytes) return pass("memory", words);
  return warn(
    "memory",
    `${words}: enough for the smallest models only.`,
    "Serve from a machine with more memory, or give the container more.",
  );
}

function settings({ settings: { warnings }, places }: Patient): Finding[] {
  if (warnings.length === 0) return [pass("settings", `Settings are understood (${places.configFile}, environment, defaults)`)];
  return warnings.map((words) => warn("settings", words, "Correct or remove it; docs/quickstart-providers.md lists the settings."));
}

async function home({ places }: Patient): Promise<Finding> {
  try {
    await mkdir(places.home, { recursive: true, mode: 0o700 });
    await access(places.home, constants.R_OK | constants.W_OK | constants.X_OK);
    return pass("home", `The home ${places.home} can be written`);
  } catch {
    return fail("home", `The home ${places.home} cannot be written.`, "Run as the user whom it belongs to, or choose another with --home.");
  }
}

async function disk({ places, freeDisk_bytes }: Patient): Promise<Finding> {
  const free_bytes = await freeDisk_bytes(places.home).catch(() => undefined);
  if (free_bytes === undefined) return pass("disk", "How much of the disk is free cannot be told");
  const words = `${(free_bytes / GiB).toFixed(1)} GiB of the disk are free`;
  if (free_bytes >= DISK_FREE_LEAST_bytes) return pass("disk", words);
  return fail("disk", `${words}.`, "Make room: umbel models list shows what models take, umbel models remove takes them away.");
}

/** Whoever can read the key can pretend to be this machine. */
async function deviceKey({ places }: Patient): Promise<Finding> {
  const file = path.join(places.home, "keys", "device.pem");
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) return pass("device_key", "The machine has no key yet; it makes one at its first start");
  if (process.platform !== "win32" && (found.mode & OTHERS) !== 0) {
    const fix = `Others may have read it, and it cannot be unread: delete ${path.dirname(file)} and start again as a new machine.`;
    return fail("device_key", `Other users of this machine may read its key ${file}.`, fix);
  }
  return pass("device_key", "The machine's key is its own");
}
