import type { Posture } from "@umbel/protocol";
import type { PostureSources } from "./posture.js";

type Swap = Posture["swap"];

/** Where memory goes that is put out. */
export async function readSwap(sources: PostureSources): Promise<Swap> {
  switch (sources.platform) {
    case "linux":
      return ofLinux(sources);
    case "darwin":
      return /\(encrypted\)/.test((await sources.run("/usr/sbin/sysctl", ["vm.swapusage"])) ?? "") ? "encrypted" : "unknown";
    case "win32":
      return ofWindows(sources);
    default:
      return "unknown";
  }
}

const WINDOWS_FILE_SYSTEM = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\FileSystem";

/** Whether the disk below is encrypted (BitLocker) is told to administrators only. */
async function ofWindows({ run }: PostureSources): Promise<Swap> {
  const said = await run("reg.exe", ["query", WINDOWS_FILE_SYSTEM, "/v", "NtfsEncryptPagingFile"]);
  return /REG_DWORD\s+0x1\b/.test(said ?? "") ? "encrypted" : "unknown";
}

async function ofLinux(sources: PostureSources): Promise<Swap> {
  const table = await sources.read("/proc/swaps");
  if (table === undefined) return "unknown";
  const areas = table
    .split("\n")
    .slice(1)
    .flatMap((line) => /^(\S+)\s+(partition|file)\b/.exec(line)?.slice(1, 3) ?? []);
  const kinds: Swap[] = [];
  for (let i = 0; i < areas.length; i += 2) kinds.push(await ofArea(areas[i] ?? "", areas[i + 1] === "file", sources));
  // The worst of them counts.
  return (["in_clear", "unknown", "encrypted"] as const).find((kind) => kinds.includes(kind)) ?? "none";
}

async function ofArea(place: string, isFile: boolean, sources: PostureSources): Promise<Swap> {
  // As the kernel writes blanks.
  const path = place.replaceAll("\\040", " ");
  const device = isFile ? await deviceBelow(path, sources) : path.replace(/^\/dev\//, "");
  if (device === undefined) return "unknown";
  // Memory, compressed.
  return /^zram\d+$/.test(device) ? "none" : ofDevice(device, sources);
}

/** How deep devices lie on each other: a logical volume on an encrypted partition on an array is three. */
const DEPTH_MAX = 8;

/** Of a name in `/sys/class/block`, or `mapper/<name>`. Encrypted is what lies on nothing but encrypted devices. */
async function ofDevice(name: string, sources: PostureSources, depth = 0): Promise<Swap> {
  const device = name.startsWith("mapper/") ? await mapped(name.slice("mapper/".length), sources) : name;
  if (device === undefined || depth > DEPTH_MAX) return "unknown";
  const folder = `/sys/class/block/${device}`;
  if ((await sources.read(`${folder}/dm/uuid`))?.startsWith("CRYPT-") === true) return "encrypted";
  const below = await sources.list(`${folder}/slaves`);
  if (below.length === 0) return (await sources.read(`${folder}/dev`)) === undefined ? "unknown" : "in_clear";
  const kinds = await Promise.all(below.map((each) => ofDevice(each, sources, depth + 1)));
  return (["in_clear", "unknown"] as const).find((kind) => kinds.includes(kind)) ?? "encrypted";
}

async function mapped(name: string, { list, read }: PostureSources): Promise<string | undefined> {
  for (const device of await list("/sys/class/block")) {
    if ((await read(`/sys/class/block/${device}/dm/name`))?.trim() === name) return device;
  }
  return undefined;
}

/** The device of the file system that holds a file: of the mounts above it the deepest, of those of one place the last. */
async function deviceBelow(file: string, { read }: PostureSources): Promise<string | undefined> {
  let [found, deepest]: [string | undefined, string] = [undefined, ""];
  for (const line of ((await read("/proc/self/mountinfo")) ?? "").split("\n")) {
    const [, place = "", source = ""] = /^(?:\S+ ){4}(\S+) .*? - \S+ (\S+)/.exec(line) ?? [];
    const isAbove = place !== "" && (place === "/" || file.startsWith(`${place}/`));
    if (isAbove && place.length >= deepest.length) [found, deepest] = [source, place];
  }
  return found?.startsWith("/dev/") === true ? found.slice("/dev/".length) : undefined;
}
