import { drizzle } from "drizzle-orm/postgres-js";
import type { Store, Tx } from "../../../store/index.js";
import type { Process } from "./process.js";

type Client = Store["client"];

/** A query that has not been sent; sent when it is awaited, as the driver's own are. */
interface Unsent {
  cancel(): void;
  values(): Unsent;
  then: Promise<unknown>["then"];
}

/** The few statements of a world are prepared once a connection: each is one message then, and not two. */
const PREPARED = { prepare: true };

/** The database as one process reaches it: the real one, with a gate before every statement. */
export function wired(store: Store, process: Process, isOwn: (requestId: string) => boolean): Store {
  const client = gated(store.client, process, undefined, isOwn);
  const db = drizzle(client) as unknown as Tx;
  return {
    ...store,
    client,
    db,
    transaction: (body) => db.transaction((tx) => body(tx)),
    onChange: async () => async () => undefined,
  };
}

function gated(real: Client, process: Process, transaction: number | undefined, isOwn: (requestId: string) => boolean): Client {
  const unsent = (label: string, send: () => PromiseLike<unknown>, values?: () => PromiseLike<unknown>): Unsent => {
    const query: { cancel: () => void } = { cancel: () => undefined };
    let sent: Promise<unknown> | undefined;
    return {
      cancel: () => query.cancel(),
      values: () => unsent(label, values ?? send),
      // biome-ignore lint/suspicious/noThenProperty: the driver's queries are thenables, and this stands for one
      then(fulfilled, rejected) {
        sent ??= process.ask(label, async () => own(await send(), label, isOwn), transaction, query);
        return sent.then(fulfilled, rejected);
      },
    };
  };
  // Only a function can be called through a proxy.
  const target = (() => undefined) as unknown as Client;
  return new Proxy(target, {
    apply: (_target, _this, [strings, ...values]: [TemplateStringsArray, ...never[]]) =>
      unsent(labelOf(strings.join("?")), async () => real(strings, ...values)),
    get(_target, name) {
      if (name === "unsafe") {
        return (text: string, parameters: never[]) =>
          unsent(
            labelOf(text),
            async () => real.unsafe(text, parameters, PREPARED),
            async () => real.unsafe(text, parameters, PREPARED).values(),
          );
      }
      if (name === "begin") {
        return (body: (tx: Client) => Promise<unknown>) => {
          let inner: Client | undefined;
          return process.transact(
            (run) =>
              real.begin((tx) => {
                inner = tx as unknown as Client;
                return run();
              }),
            (number) => body(gated(inner ?? real, process, number, isOwn)),
          );
        };
      }
      return Reflect.get(real, name);
    },
  });
}

/** What a statement is about, for whoever aims at it. */
const NAMES =
  /ledger_\w+|reservations|usage|coordinator_instances|balances|outbox|withdrawals|stripe_events|billing_sessions|payment_disputes|chain_\w+|erasure_requests|invite_codes|machine_minutes/;

function labelOf(text: string): string {
  return NAMES.exec(text)?.[0] ?? text.trim().slice(0, 40);
}

/** Worlds share a database to be cheap: of the requests that coordinators have left open, each sees its own. */
function own(rows: unknown, label: string, isOwn: (requestId: string) => boolean): unknown {
  if (!label.includes("reservations") || !Array.isArray(rows)) return rows;
  const isOpen = rows.every((row: unknown) => row instanceof Object && Object.keys(row).join() === "request_id");
  return isOpen ? rows.filter((row: { readonly request_id: unknown }) => isOwn(String(row.request_id))) : rows;
}
