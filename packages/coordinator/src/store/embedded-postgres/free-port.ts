import { createServer } from "node:net";

const HOST = "127.0.0.1";

/** A loopback port that nothing listens on: the preferred one if it is free. Somebody may take it before it is used; then ask again. */
export async function freePort(preferred: number | undefined): Promise<number> {
  const kept = preferred === undefined ? undefined : await tryPort(preferred);
  const port = kept ?? (await tryPort(0));
  if (port === undefined) throw new Error("no free port on the loopback interface");
  return port;
}

function tryPort(port: number): Promise<number | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(undefined));
    server.listen({ host: HOST, port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : undefined));
    });
  });
}
