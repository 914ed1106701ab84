import http from "node:http";
import https from "node:https";
import type { Duplex } from "node:stream";
import tls from "node:tls";

/** What the usual variables say, in capitals or not. */
export type ProxyVariables = Readonly<Record<string, string | undefined>>;

/** How long a proxy may take to open the way. */
const TUNNEL_ms = 15_000;
const LOOPBACK = /^(?:localhost|.*\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;
const DEFAULT_PORTS: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" };

/**
 * The proxy through which an address is to be reached, by `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` as curl reads them; undefined where none is. This
 * machine itself is never reached through one.
 *
 * @param address `https:`, `http:`, `wss:` or `ws:`
 */
export function proxyFor(address: string, variables: ProxyVariables): string | undefined {
  const url = new URL(address.replace(/^ws/, "http"));
  const said = (name: string): string | undefined => variables[name.toLowerCase()] || variables[name] || undefined;
  const proxy = url.protocol === "https:" ? said("HTTPS_PROXY") : said("HTTP_PROXY");
  if (proxy === undefined || LOOPBACK.test(url.hostname) || isExempt(url, said("NO_PROXY") ?? "")) return undefined;
  // A host and a port are enough for curl, too.
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
  return URL.canParse(whole) && /^https?:$/.test(new URL(whole).protocol) ? whole : undefined;
}

/** `example.com` and `.example.com` stand for what is below, too, `*` for everything; with a port for that port only. */
function isExempt({ hostname, port, protocol }: URL, list: string): boolean {
  return list.split(/[\s,]+/).some((entry) => {
    const [, name = "", only] = /^\*?\.?(.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? [];
    if (entry === "*") return true;
    if (name === "" || (only !== undefined && only !== (port || DEFAULT_PORTS[protocol]))) return false;
    return hostname === name || hostname.endsWith(`.${name}`);
  });
}

/** For a client of `node:http`: connections to `https:` and `wss:` addresses through a proxy (RFC 9110 §9.3.6). */
export function tunnelAgent(proxy: string): https.Agent {
  return new TunnelAgent(proxy);
}

class TunnelAgent extends https.Agent {
  constructor(private readonly proxy: string) {
    super();
  }

  override createConnection(options: https.RequestOptions, created?: (error: Error | null, stream: Duplex) => void): undefined {
    const { host, port, servername } = options;
    const target = `${host}:${port ?? DEFAULT_PORTS["https:"]}`;
    // Without a stream, as Node's own agents tell of a failure.
    const fail = (error: Error): void => (created as ((error: Error) => void) | undefined)?.(error);
    const asked = connectRequest(this.proxy, target);
    asked.once("connect", ({ statusCode }, socket) => {
      if (statusCode === 200) created?.(null, tls.connect({ socket, servername: servername || (host ?? ""), ALPNProtocols: ["http/1.1"] }));
      else refused(statusCode);
    });
    // Some proxies refuse with an answer like any other.
    asked.once("response", ({ statusCode }) => refused(statusCode));
    asked.once("timeout", () => asked.destroy(failure("PROXY_SILENT", "the proxy does not answer")));
    asked.once("error", fail);
    asked.end();
    return undefined;

    function refused(status: number | undefined): void {
      asked.destroy();
      fail(failure("PROXY_REFUSED", `the proxy answers with status ${status}`));
    }
  }
}

function connectRequest(proxy: string, target: string): http.ClientRequest {
  const { protocol, hostname, port, username, password } = new URL(proxy);
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString("base64");
  return (protocol === "https:" ? https : http).request({
    ...{ host: hostname, port: port || DEFAULT_PORTS[protocol], method: "CONNECT", path: target, agent: false, timeout: TUNNEL_ms },
    headers: { host: target, ...(username !== "" && { "proxy-authorization": `Basic ${credentials}` }) },
  });
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
