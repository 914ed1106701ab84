import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Clock } from "@umbel/protocol";
import { createDesk, type Fault, type StripeDesk } from "./desk.js";
import type { FakeRequest } from "./routes.js";

export interface FakeStripe extends Omit<StripeDesk, "respond"> {
  readonly url: string;
  /** Asked for each request; what it says goes wrong. */
  fault: (request: FakeRequest) => Fault | undefined;
  close(): Promise<void>;
}

/** A server that speaks Stripe's wire format. */
export async function startFakeStripe(clock: Clock): Promise<FakeStripe> {
  const { respond, ...desk } = createDesk(clock);

  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of incoming) pieces.push(piece as Buffer);
    const answer = respond(
      {
        method: incoming.method ?? "",
        url: incoming.url ?? "/",
        body: Buffer.concat(pieces).toString(),
        header: (name) => incoming.headers[name]?.toString(),
      },
      (request) => fake.fault(request),
    );
    if (answer === undefined) return void incoming.socket.destroy();
    outgoing.writeHead(answer.status, { ...answer.headers });
    outgoing.end(answer.body);
  }

  const server = createServer((incoming, outgoing) => void serve(incoming, outgoing));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");

  const fake: FakeStripe = {
    ...desk,
    url: `http://127.0.0.1:${address.port}`,
    fault: () => undefined,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return fake;
}
