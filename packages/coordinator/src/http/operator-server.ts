import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { DecisionArchive, Metrics } from "../insight/index.js";
import { operatorAttemptOf } from "./decisions/decision-schema.js";

const DECISIONS = /^\/decisions\/([0-9a-f-]{36})$/;

/**
 * What operators read, on an address of its own and without authentication, so it belongs on a loopback or private address: `/metrics` in
 * Prometheus' format, `/decisions/{job id}` with why a request went where it went.
 *
 * @returns the port and what stops it
 */
export async function startOperatorServer(
  address: { readonly host: string; readonly port: number },
  { metrics, decisions }: { readonly metrics: Metrics; readonly decisions: Pick<DecisionArchive, "ofRequest"> },
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    request.resume();
    const path = request.url?.split("?", 1)[0] ?? "/";
    const job = DECISIONS.exec(path)?.[1];
    if (request.method !== "GET") response.writeHead(405, { Allow: "GET" }).end();
    else if (path === "/metrics") response.setHeader("Content-Type", "text/plain; version=0.0.4").end(metrics.render());
    else if (job !== undefined) void answerDecisions(job, decisions, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(address.port, address.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answerDecisions(job: string, decisions: Pick<DecisionArchive, "ofRequest">, response: ServerResponse): Promise<void> {
  try {
    const attempts = (await decisions.ofRequest(job)).map(operatorAttemptOf);
    response.setHeader("Content-Type", "application/json").end(JSON.stringify(attempts));
  } catch {
    // The database does not answer; the log of whoever writes to it says why.
    response.writeHead(503).end();
  }
}
