import type { drizzleAdapter } from "better-auth/adapters/drizzle";
import { hashSecret, isSessionSecret } from "../secrets.js";

type AdapterFactory = ReturnType<typeof drizzleAdapter>;
type Adapter = ReturnType<AdapterFactory>;
type Where = Parameters<Adapter["findOne"]>[0]["where"];

/**
 * The library's storage, with digests of session tokens instead of the tokens: who reads the table, or a backup, cannot act as anybody. What the
 * library asks for by token is found by its digest, and comes back with the token that it was asked for by.
 */
export function hashingSessionTokens(factory: AdapterFactory): AdapterFactory {
  return (options) => {
    const adapter = factory(options);
    return { ...wrapped(adapter), transaction: (body) => adapter.transaction((inner) => body(wrapped(inner))) };
  };
}

function wrapped<Inner extends Omit<Adapter, "transaction">>(adapter: Inner): Inner {
  return {
    ...adapter,
    async create(args: Parameters<Adapter["create"]>[0]) {
      const { model, data } = args;
      const token = model === "session" ? data["token"] : undefined;
      if (typeof token !== "string") return adapter.create(args);
      const row = await adapter.create<Record<string, unknown>>({ ...args, data: { ...data, token: digest(token) } });
      return { ...row, token };
    },
    async findOne(args: Parameters<Adapter["findOne"]>[0]) {
      if (args.model !== "session") return adapter.findOne(args);
      const row = await adapter.findOne<Record<string, unknown>>({ ...args, where: byDigest(args.where) });
      return row && { ...row, token: askedToken(args.where) ?? row["token"] };
    },
    findMany: (args: Parameters<Adapter["findMany"]>[0]) => adapter.findMany(located(args)),
    count: (args: Parameters<Adapter["count"]>[0]) => adapter.count(located(args)),
    async update(args: Parameters<Adapter["update"]>[0]) {
      if (args.model !== "session") return adapter.update(args);
      const { token: _same, ...update } = args.update;
      const row = await adapter.update<Record<string, unknown>>({ ...args, update, where: byDigest(args.where) });
      return row && { ...row, token: askedToken(args.where) ?? row["token"] };
    },
    updateMany: (args: Parameters<Adapter["updateMany"]>[0]) => adapter.updateMany(located(args)),
    delete: (args: Parameters<Adapter["delete"]>[0]) => adapter.delete(located(args)),
    deleteMany: (args: Parameters<Adapter["deleteMany"]>[0]) => adapter.deleteMany(located(args)),
  };
}

function located<Args extends { readonly model: string; readonly where?: Where | undefined }>(args: Args): Args {
  return args.model === "session" && args.where !== undefined ? { ...args, where: byDigest(args.where) } : args;
}

function byDigest(where: Where): Where {
  return where.map((condition) => {
    if (condition.field !== "token") return condition;
    const { value } = condition;
    if (typeof value === "string") return { ...condition, value: digest(value) };
    return Array.isArray(value) ? { ...condition, value: value.map((one) => digest(String(one))) } : condition;
  });
}

/** Rows that came in a list carry digests, which the library may ask by. */
function digest(token: string): string {
  return isSessionSecret(token) ? hashSecret(token) : token;
}

function askedToken(where: Where): string | undefined {
  const value = where.find(({ field }) => field === "token")?.value;
  return typeof value === "string" ? value : undefined;
}
