/** Stands between a provider and its coordinator, and lets a test cut the wire, make it slow, or have the machine say what is not so. */
import { once } from "node:events";
import { type RawData, WebSocket, WebSocketServer } from "ws";

export interface UnrulyProxy {
  /** Give this to the provider as its coordinator. */
  readonly url: string;
  /** From now on everything that the provider sends arrives so much later, in order. */
  slow(delay_ms: number): void;
  /** Both sides lose their connection, without a word. */
  cut(): void;
  /** Every report of capacity says that the machine is idle and has room for so many requests. */
  boast(places: number): void;
  close(): Promise<void>;
}

export async function startUnrulyProxy(coordinatorUrl: string): Promise<UnrulyProxy> {
  let delay_ms = 0;
  let boasted: number | undefined;
  const timers = new Set<NodeJS.Timeout>();
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, path: "/ws/provider" });
  await once(server, "listening");

  server.on("connection", (provider) => {
    const coordinator = new WebSocket(`${coordinatorUrl.replace(/^http/, "ws")}/ws/provider`);
    const opened = once(coordinator, "open");
    opened.catch(() => undefined);
    /** When the last message of each direction leaves: none overtakes another. */
    let due_ms = 0;

    const later = (at_ms: number, act: () => void): void => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        act();
      }, at_ms - performance.now());
      timers.add(timer);
    };
    const send = (to: WebSocket, bytes: Buffer, binary: boolean): void => {
      if (to.readyState === WebSocket.OPEN) to.send(bytes, { binary });
    };
    provider.on("message", (data, binary) => {
      const bytes = binary ? bytesOf(data) : reported(bytesOf(data));
      due_ms = Math.max(due_ms, performance.now() + delay_ms);
      const at_ms = due_ms;
      void opened.then(() =>
        at_ms <= performance.now() ? send(coordinator, bytes, binary) : later(at_ms, () => send(coordinator, bytes, binary)),
      );
    });
    coordinator.on("message", (data, binary) => send(provider, bytesOf(data), binary));
    provider.on("close", () => coordinator.terminate());
    coordinator.on("close", () => provider.terminate());
    provider.on("error", () => coordinator.terminate());
    coordinator.on("error", () => provider.terminate());
  });

  function reported(bytes: Buffer): Buffer {
    if (boasted === undefined || !bytes.includes('"heartbeat"')) return bytes;
    const message = JSON.parse(bytes.toString()) as { type: string; capacity?: { slots: Record<string, unknown>[] } };
    const idle = { state: "idle", num_running: 0, num_waiting: 0, active_tokens: 0, token_budget_used: 0 };
    const slots = message.capacity?.slots.map((slot) => ({ ...slot, ...idle, max_concurrency: boasted, token_budget_max: 1_000_000 }));
    return Buffer.from(JSON.stringify({ ...message, ...(slots === undefined ? {} : { capacity: { ...message.capacity, slots } }) }));
  }

  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    slow: (by_ms) => {
      delay_ms = by_ms;
    },
    cut: () => {
      for (const client of server.clients) client.terminate();
    },
    boast: (places) => {
      boasted = places;
    },
    close: async () => {
      for (const timer of timers) clearTimeout(timer);
      for (const client of server.clients) client.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function bytesOf(data: RawData): Buffer {
  return Buffer.isBuffer(data) ? data : Buffer.concat(Array.isArray(data) ? data : [Buffer.from(data)]);
}
