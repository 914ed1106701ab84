import type { Sources } from "./sources.js";

/**
 * How long nobody has touched the machine, in milliseconds: the least over desktop sessions and terminals. Undefined where the system does not
 * tell, e.g. a server that nobody has logged into.
 */
export async function readUserIdle_ms(sources: Sources, now_ms: number): Promise<number | undefined> {
  switch (sources.platform) {
    case "linux":
      return least([await terminalIdle_ms(sources, now_ms), await desktopIdle_ms(sources, now_ms)]);
    case "darwin":
      return fromIoreg(await sources.run("/usr/sbin/ioreg", ["-c", "IOHIDSystem", "-d", "4"]));
    case "win32":
      return number(await sources.run("powershell.exe", WINDOWS_QUERY));
    default:
      return undefined;
  }
}

/** A terminal's device is read from with every key. */
async function terminalIdle_ms({ list, lastRead_ms }: Sources, now_ms: number): Promise<number | undefined> {
  const terminals = (await list("/dev/pts")).filter((name) => /^\d+$/.test(name));
  const idle: (number | undefined)[] = [];
  for (const name of terminals) {
    const read_ms = await lastRead_ms(`/dev/pts/${name}`);
    idle.push(read_ms === undefined ? undefined : Math.max(0, now_ms - read_ms));
  }
  return least(idle);
}

/** systemd-logind knows of every session whether its desktop calls it idle, and since when. */
async function desktopIdle_ms({ run }: Sources, now_ms: number): Promise<number | undefined> {
  const sessions = await run("/usr/bin/loginctl", ["list-sessions", "--no-legend", "--no-pager"]);
  const ids = (sessions ?? "").split("\n").flatMap((line) => /^\s*(\S+)/.exec(line)?.[1] ?? []);
  const idle: (number | undefined)[] = [];
  for (const id of ids) {
    const properties = ["Type", "Class", "IdleHint", "IdleSinceHint"].flatMap((name) => ["-p", name]);
    const shown = (await run("/usr/bin/loginctl", ["show-session", id, ...properties])) ?? "";
    const value = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(shown)?.[1];
    // Terminals tell for themselves; logind only guesses about them.
    if (value("Class") !== "user" || !["x11", "wayland", "mir"].includes(value("Type") ?? "")) continue;
    const since_ms = Number(value("IdleSinceHint")) / 1_000;
    idle.push(value("IdleHint") === "yes" && since_ms > 0 ? Math.max(0, now_ms - since_ms) : 0);
  }
  return least(idle);
}

/** In nanoseconds. */
function fromIoreg(text: string | undefined): number | undefined {
  const idle_ns = number(/"HIDIdleTime"\s*=\s*(\d+)/.exec(text ?? "")?.[1]);
  return idle_ns === undefined ? undefined : idle_ns / 1e6;
}

const WINDOWS_SOURCE = [
  "using System; using System.Runtime.InteropServices;",
  "public static class Idle { [StructLayout(LayoutKind.Sequential)] struct Info { public uint size; public uint time; }",
  '[DllImport("user32.dll")] static extern bool GetLastInputInfo(ref Info info);',
  "public static uint Time() { var info = new Info(); info.size = 8; GetLastInputInfo(ref info); return (uint)Environment.TickCount - info.time; } }",
].join(" ");
const WINDOWS_QUERY = ["-NoProfile", "-NonInteractive", "-Command", `Add-Type -TypeDefinition '${WINDOWS_SOURCE}'; [Idle]::Time()`];

function number(text: string | undefined): number | undefined {
  const value = Number.parseInt(text ?? "", 10);
  return Number.isFinite(value) ? value : undefined;
}

function least(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
