import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { type Clock, WIRE_LIMITS } from "@umbel/protocol";
import { type WebSocket, WebSocketServer } from "ws";
import type { FleetEvents } from "../ports.js";
import type { FleetSettings } from "../settings.js";
import { AddressGate, addressGroup } from "./address-gate.js";

export const PROVIDER_PATH = "/ws/provider";

/** Where providers connect. */
export interface ProviderEndpoint {
  /**
   * Serves WebSocket upgrades on `/ws/provider` of a server and refuses all others with 404, so it is the server's only `upgrade` listener.
   * Returns the function that detaches it; sockets that are open stay.
   */
  attach(server: Server): () => void;
}

export interface EndpointDependencies {
  readonly clock: Clock;
  readonly settings: FleetSettings;
  readonly events: FleetEvents;
  /** Address that limits count against. */
  readonly clientAddress: (request: IncomingMessage) => string;
  /** Why no socket can be accepted now; undefined when one can. */
  readonly refusal: () => "unproven_full" | "closing" | undefined;
  readonly onSocket: (socket: WebSocket) => void;
}

type Refusal = { readonly status: 403 | 404 | 429 | 503; readonly text: string; readonly retryAfter_s?: number };

/** Creates the endpoint: limits before the upgrade, then one `onSocket` for each WebSocket. */
export function createProviderEndpoint(dependencies: EndpointDependencies): ProviderEndpoint {
  const { clock, settings, events } = dependencies;
  const gate = new AddressGate({ sockets_max: settings.socketsPerAddress_max, upgradesPerMinute_max: settings.upgradesPerMinute_max });
  const webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: WIRE_LIMITS.frameToCoordinator_bytes_max,
  });

  function refusalOf(request: IncomingMessage, address: string): Refusal | undefined {
    if (request.url?.split("?")[0] !== PROVIDER_PATH) return { status: 404, text: "Not Found" };
    const { origin } = request.headers;
    if (origin !== undefined && !settings.allowedOrigins.includes(origin)) {
      events({ type: "upgrade_refused", reason: "origin" });
      return { status: 403, text: "Forbidden" };
    }
    const full = dependencies.refusal();
    if (full) {
      events({ type: "upgrade_refused", reason: full });
      return { status: 503, text: "Service Unavailable", retryAfter_s: 5 };
    }
    const verdict = gate.enter(address, clock.now_ms());
    if (verdict.ok) return undefined;
    events({ type: "upgrade_refused", reason: verdict.reason });
    return { status: 429, text: "Too Many Requests", retryAfter_s: verdict.retryAfter_s };
  }

  function handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Node takes its own error listener off before the upgrade event; without one a reset would end the process.
    socket.on("error", () => socket.destroy());
    const address = addressGroup(dependencies.clientAddress(request));
    const refusal = refusalOf(request, address);
    if (refusal) {
      refuse(socket, refusal);
      return;
    }
    socket.once("close", () => gate.leave(address));
    webSockets.handleUpgrade(request, socket, head, dependencies.onSocket);
  }

  return {
    attach(server) {
      server.on("upgrade", handleUpgrade);
      return () => {
        server.off("upgrade", handleUpgrade);
      };
    },
  };
}

function refuse(socket: Duplex, { status, text, retryAfter_s }: Refusal): void {
  const retryAfter = retryAfter_s === undefined ? "" : `Retry-After: ${retryAfter_s}\r\n`;
  socket.end(`HTTP/1.1 ${status} ${text}\r\n${retryAfter}Connection: close\r\nContent-Length: 0\r\n\r\n`);
}
