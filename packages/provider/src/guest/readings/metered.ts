import type { Sources } from "./sources.js";

/** Whether what goes over the network costs by the byte, or has a limit; undefined where the system does not tell. */
export async function readMetered(sources: Sources): Promise<boolean | undefined> {
  switch (sources.platform) {
    case "linux":
      return fromNetworkManager(sources);
    case "darwin":
      return fromRoute(await sources.run("/sbin/route", ["-n", "get", "default"]));
    case "win32":
      return fromConnectionCost(await sources.run("powershell.exe", WINDOWS_QUERY));
    default:
      return undefined;
  }
}

const SERVICE = "org.freedesktop.NetworkManager";
const PATH = "/org/freedesktop/NetworkManager";

/** Of the connection that the system goes by; asked over the bus, else by NetworkManager's own command, which says it of each device. */
async function fromNetworkManager({ run }: Sources): Promise<boolean | undefined> {
  const said = await run("/usr/bin/busctl", ["get-property", SERVICE, PATH, SERVICE, "Metered"]);
  // NMMetered: 0 unknown, 1 yes, 2 no, 3 guessed yes, 4 guessed no.
  const state = Number(/^u (\d)/.exec(said ?? "")?.[1] ?? 0);
  if (state > 0) return state === 1 || state === 3;
  const shown = await run("/usr/bin/nmcli", ["-t", "-f", "GENERAL.STATE,GENERAL.METERED", "device", "show"]);
  // Of devices in use, whose state is 100.
  const metered = [...(shown ?? "").matchAll(/^GENERAL\.STATE:100\b.*\nGENERAL\.METERED:(yes|no)/gm)].map(([, word]) => word === "yes");
  return metered.length === 0 ? undefined : metered.includes(true);
}

/** No command tells of the low data mode of macOS. The hotspot of an iPhone is known by its address, which is always this one. */
function fromRoute(text: string | undefined): boolean | undefined {
  const gateway = /^\s*gateway:\s*(\S+)/m.exec(text ?? "")?.[1];
  return gateway === "172.20.10.1" ? true : undefined;
}

const WINDOWS_QUERY = [
  "-NoProfile",
  "-NonInteractive",
  "-Command",
  "[void][Windows.Networking.Connectivity.NetworkInformation, Windows, ContentType = WindowsRuntime]; " +
    "$cost = [Windows.Networking.Connectivity.NetworkInformation]::GetInternetConnectionProfile().GetConnectionCost(); " +
    '"$($cost.NetworkCostType) $($cost.Roaming)"',
];

/** NetworkCostType: Unrestricted, Fixed (up to a limit), Variable (by the byte), Unknown. */
function fromConnectionCost(text: string | undefined): boolean | undefined {
  const [, type, roaming] = /^(Unrestricted|Fixed|Variable) (True|False)/m.exec(text ?? "") ?? [];
  return type === undefined ? undefined : type !== "Unrestricted" || roaming === "True";
}
