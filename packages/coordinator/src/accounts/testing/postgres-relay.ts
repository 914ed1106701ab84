import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface PostgresRelay {
  readonly databaseUrl: string;
  /** Holds back what the database answers to the next statement that carries `text`; the line stays silent until `release`. */
  holdAnswer(text: string): { readonly answered: Promise<void>; release(): void };
  /** Ends every line and refuses new ones, as a database that has gone. */
  cut(): Promise<void>;
  restore(): Promise<void>;
}

/** A line to the test database that can be slow or dead. */
export async function createPostgresRelay(databaseUrl: string): Promise<PostgresRelay> {
  const target = new URL(databaseUrl);
  const lines = new Set<Socket>();
  let hold: { readonly text: string; readonly until: Promise<void>; readonly onAnswer: () => void } | undefined;

  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    let held: typeof hold;
    client.on("data", (bytes) => {
      if (hold && bytes.includes(hold.text)) {
        held = hold;
        hold = undefined;
      }
      upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      held?.onAnswer();
      if (held) void held.until.then(() => client.write(bytes));
      else client.write(bytes);
    });
    for (const [line, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      lines.add(line);
      line.on("error", () => other.destroy());
      line.on("close", () => {
        lines.delete(line);
        other.destroy();
      });
    }
  });

  async function listen(port: number): Promise<number> {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("the relay has no port");
    return address.port;
  }

  const port = await listen(0);
  const relayed = new URL(databaseUrl);
  relayed.host = `127.0.0.1:${port}`;
  return {
    databaseUrl: relayed.href,
    holdAnswer(text) {
      let release: () => void = () => undefined;
      const until = new Promise<void>((resolve) => {
        release = resolve;
      });
      const answered = new Promise<void>((resolve) => {
        hold = { text, until, onAnswer: resolve };
      });
      return { answered, release };
    },
    async cut() {
      const closed = once(server, "close");
      server.close();
      for (const line of lines) line.destroy();
      await closed;
    },
    async restore() {
      await listen(port);
    },
  };
}
