import type { GuestReadings } from "../stance.js";
import type { Sources } from "./sources.js";

const SUPPLIES = "/sys/class/power_supply";

type Battery = NonNullable<GuestReadings["battery"]>;

/** Whether the machine lives on its battery, and how full that is; undefined for a machine without one, or that does not tell. */
export async function readBattery(sources: Sources): Promise<Battery | undefined> {
  switch (sources.platform) {
    case "linux":
      return fromSupplies(sources);
    case "darwin":
      return fromPmset(await sources.run("/usr/bin/pmset", ["-g", "batt"]));
    case "win32":
      return fromWindows(await sources.run("powershell.exe", WINDOWS_QUERY));
    default:
      return undefined;
  }
}

/** Batteries of the machine itself: mice and headsets have some, too, of scope `Device`. */
async function fromSupplies({ list, read }: Sources): Promise<Battery | undefined> {
  const found: Battery[] = [];
  for (const name of await list(SUPPLIES)) {
    const text = async (file: string) => (await read(`${SUPPLIES}/${name}/${file}`))?.trim();
    if ((await text("type")) !== "Battery" || (await text("scope")) === "Device") continue;
    found.push({ isDischarging: (await text("status")) === "Discharging", percent: percentOf(await text("capacity")) });
  }
  if (found.length === 0) return undefined;
  const percents = found.flatMap(({ percent }) => (percent === undefined ? [] : [percent]));
  return {
    isDischarging: found.some(({ isDischarging }) => isDischarging),
    percent: percents.length === 0 ? undefined : Math.round(percents.reduce((sum, percent) => sum + percent, 0) / percents.length),
  };
}

function fromPmset(text: string | undefined): Battery | undefined {
  const percent = /(\d{1,3})%/.exec(text ?? "")?.[1];
  if (text === undefined || percent === undefined) return undefined;
  return { isDischarging: text.includes("'Battery Power'"), percent: percentOf(percent) };
}

/** BatteryStatus 1 is discharging; a machine without a battery prints nothing. */
const WINDOWS_QUERY = [
  "-NoProfile",
  "-NonInteractive",
  "-Command",
  'Get-CimInstance Win32_Battery | ForEach-Object { "$($_.BatteryStatus) $($_.EstimatedChargeRemaining)" }',
];

function fromWindows(text: string | undefined): Battery | undefined {
  const match = /^(\d+) (\d+)/m.exec(text ?? "");
  return match === null ? undefined : { isDischarging: match[1] === "1", percent: percentOf(match[2]) };
}

function percentOf(text: string | undefined): number | undefined {
  const percent = Number.parseInt(text ?? "", 10);
  return percent >= 0 && percent <= 100 ? percent : undefined;
}
