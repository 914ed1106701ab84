import { bigint, timestamp } from "drizzle-orm/pg-core";

/** Integer micro-USD. */
export const microUsd = (name: string) => bigint(name, { mode: "bigint" });
/** Counts that stay far below 2^53: tokens, bytes, sequence numbers. */
export const count = (name: string) => bigint(name, { mode: "number" });
export const instant = (name: string) => timestamp(name, { withTimezone: true, mode: "date" });
export const createdAt = () => instant("created_at").notNull().defaultNow();
export const updatedAt = () => instant("updated_at").notNull().defaultNow();
