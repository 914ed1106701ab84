import { isIPv6 } from "node:net";
import { isLoopback, type ProviderOptions } from "@umbel/provider";
import { CliError, EXIT_CODES } from "../exit-codes.js";

/** Options of `umbel provider start` about the endpoint for this machine's own programs. */
export interface EndpointFlags {
  readonly port: string;
  readonly bind: string;
  /** False with `--no-auth`. */
  readonly auth: boolean;
  readonly origin: readonly string[];
  readonly hostName: readonly string[];
}

/**
 * @param address `host:port`, `host` or `port`, before `--bind` and `--port`
 * @throws CliError for what is no address, and for an endpoint without a key that others could reach
 */
export function endpointFrom(flags: EndpointFlags, address?: string): NonNullable<ProviderOptions["local"]> {
  const { host, port } = endpointPlace(address ?? "");
  const bind = host ?? flags.bind;
  if (!flags.auth && !isLoopback(bind)) {
    throw new CliError(
      `Without a key everybody in the network of ${bind} could use this machine.`,
      EXIT_CODES.usage,
      "Leave --no-auth away, or bind to 127.0.0.1.",
    );
  }
  return {
    host: bind,
    port: port ?? portOf("--port", flags.port),
    requiresKey: flags.auth,
    origins: flags.origin.map(originOf),
    hostNames: [...flags.hostName],
  };
}

/** `host:port`, `host` or `port`. @throws CliError for what is no address */
export function endpointPlace(address: string): { readonly host?: string; readonly port?: number } {
  if (address === "") return {};
  if (/^\d+$/.test(address)) return { port: portOf("--local-endpoint", address) };
  if (isIPv6(address)) return { host: address };
  const [, bracketed, plain, port] = /^(?:\[(.+)\]|([^:/]+))(?::(\d+))?$/.exec(address) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) {
    throw new CliError(`"${address}" is no address to listen on.`, EXIT_CODES.usage, "Write --local-endpoint like 127.0.0.1:8000.");
  }
  return { host, ...(port !== undefined && { port: portOf("--local-endpoint", port) }) };
}

function portOf(option: string, text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new CliError(`${option} takes a port up to 65535, not "${text}".`, EXIT_CODES.usage);
}

/** As a browser writes it: scheme, name and port, nothing behind. */
function originOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && url.origin !== "null") return url.origin;
  throw new CliError(`"${text}" is not an origin.`, EXIT_CODES.usage, "Write --origin like http://localhost:3000.");
}
