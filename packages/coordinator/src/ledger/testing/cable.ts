import { once } from "node:events";
import net from "node:net";

/** The connection to a database, as something that can be pulled out. Carries the real protocol to the real server. */
export interface Cable {
  /** The database's address, through the cable. */
  readonly databaseUrl: string;
  /** Cuts every connection and refuses new ones. */
  pull(): void;
  /** From now on what is asked still arrives, but no answer comes back; then everything is cut. */
  pullAfterNextRequest(): void;
  plugIn(): Promise<void>;
}

export async function layCable(databaseUrl: string): Promise<Cable & { close(): void }> {
  const target = new URL(databaseUrl);
  const sockets = new Set<net.Socket>();
  let swallowAnswers = false;
  const server = net.createServer((near) => {
    const far = net.connect(Number(target.port), target.hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far);
    far.on("data", (bytes) => {
      if (swallowAnswers) pull();
      else near.write(bytes);
    });
  });

  function pull(): void {
    server.close();
    for (const socket of sockets) socket.destroy();
  }

  async function listen(port: number): Promise<number> {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (typeof address !== "object" || !address) throw new Error("no address");
    return address.port;
  }

  const port = await listen(0);
  const url = new URL(databaseUrl);
  url.port = String(port);
  return {
    databaseUrl: url.href,
    pull,
    pullAfterNextRequest: () => {
      swallowAnswers = true;
    },
    plugIn: async () => {
      swallowAnswers = false;
      await listen(port);
    },
    close: pull,
  };
}
