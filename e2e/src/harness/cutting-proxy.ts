/** Stands between a command and its coordinator, and ends connections without a word after so many bytes of answers. */
import { once } from "node:events";
import { connect, createServer } from "node:net";

export interface CuttingProxy {
  readonly url: string;
  /** Connections that were cut so far. */
  readonly cuts: number;
  close(): Promise<void>;
}

/** @param after_bytes of answers after which each of the first connections is cut; those that follow are left alone */
export async function startCuttingProxy(coordinatorUrl: string, after_bytes: readonly number[]): Promise<CuttingProxy> {
  const { hostname, port } = new URL(coordinatorUrl);
  const left = [...after_bytes];
  let cuts = 0;
  const server = createServer((client) => {
    const coordinator = connect(Number(port), hostname);
    const end = (): void => {
      client.destroy();
      coordinator.destroy();
    };
    let sent_bytes = 0;
    client.pipe(coordinator);
    coordinator.on("data", (data: Buffer) => {
      sent_bytes += data.length;
      const limit = left[0];
      if (limit === undefined || sent_bytes < limit) {
        client.write(data);
        return;
      }
      left.shift();
      cuts += 1;
      end();
    });
    for (const socket of [client, coordinator]) socket.on("error", end).on("close", end);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    get cuts() {
      return cuts;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}
