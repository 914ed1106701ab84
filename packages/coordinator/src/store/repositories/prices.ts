import { and, eq } from "drizzle-orm";
import { run } from "../run-query.js";
import { modelPriceHistory, modelPrices } from "../schema/index.js";
import type { Tx } from "../tx.js";

/** Account under which list prices are kept. */
const PLATFORM = "platform";

interface TokenPrices {
  readonly input_microUsd: bigint;
  readonly output_microUsd: bigint;
}

/** Who changes a price, and when. */
interface By {
  readonly actor: string;
  readonly at: Date;
}

/** Prices per model and account; those of the platform are the list prices. Every change leaves its trace. */
export const priceRepository = {
  async ofModel(tx: Tx, model: string, accountId: string = PLATFORM): Promise<TokenPrices | undefined> {
    const { input_microUsd, output_microUsd } = modelPrices;
    const [row] = await run(tx.select({ input_microUsd, output_microUsd }).from(modelPrices).where(isPrice(model, accountId)));
    return row;
  },

  async all(tx: Tx, accountId: string = PLATFORM) {
    const { model, input_microUsd, output_microUsd, updatedAt } = modelPrices;
    return run(
      tx
        .select({ model, input_microUsd, output_microUsd, updatedAt })
        .from(modelPrices)
        .where(eq(modelPrices.accountId, accountId))
        .orderBy(model),
    );
  },

  async set(tx: Tx, model: string, prices: TokenPrices, by: By, accountId: string = PLATFORM): Promise<void> {
    await run(
      tx
        .insert(modelPrices)
        .values({ accountId, model, ...prices, updatedAt: by.at })
        .onConflictDoUpdate({ target: [modelPrices.accountId, modelPrices.model], set: { ...prices, updatedAt: by.at } }),
    );
    await run(tx.insert(modelPriceHistory).values({ accountId, model, ...prices, actor: by.actor, createdAt: by.at }));
  },

  /** False when there was none. */
  async remove(tx: Tx, model: string, by: By, accountId: string): Promise<boolean> {
    const removed = await run(tx.delete(modelPrices).where(isPrice(model, accountId)).returning({ model: modelPrices.model }));
    if (removed.length === 0) return false;
    await run(tx.insert(modelPriceHistory).values({ accountId, model, actor: by.actor, createdAt: by.at }));
    return true;
  },
};

function isPrice(model: string, accountId: string) {
  return and(eq(modelPrices.accountId, accountId), eq(modelPrices.model, model));
}
