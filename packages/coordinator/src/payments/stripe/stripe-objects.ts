/** What is read of Stripe's objects. Whatever else they hold, such as names, addresses and cards, goes no further than these schemas. */
import { z } from "zod";

const metadata = z
  .record(z.string(), z.string())
  .nullish()
  .transform((given) => given ?? {});
/** An id, or the object itself where it was asked for. */
const reference = z
  .union([z.string(), z.object({ id: z.string() }).transform(({ id }) => id)])
  .nullish()
  .transform((given) => given ?? null);

export const checkoutSession = z.object({
  id: z.string(),
  url: z.string().nullish(),
  status: z.enum(["open", "complete", "expired"]).nullish(),
  payment_status: z.string(),
  amount_total: z.int().nullable(),
  currency: z.string().nullable(),
  payment_intent: reference,
  metadata,
});
export type CheckoutSession = z.output<typeof checkoutSession>;

export const paymentIntent = z.object({ id: z.string(), status: z.string(), metadata });

export const charge = z.object({
  id: z.string(),
  amount_refunded: z.int(),
  currency: z.string(),
  payment_intent: reference,
  metadata,
});
export type Charge = z.output<typeof charge>;

export const dispute = z.object({
  id: z.string(),
  amount: z.int(),
  currency: z.string(),
  payment_intent: reference,
  status: z.string(),
  reason: z.string(),
});
export type Dispute = z.output<typeof dispute>;

const externalAccount = z.object({
  object: z.string(),
  last4: z.string().nullish(),
  default_for_currency: z.boolean().nullish(),
  funding: z.string().nullish(),
});

export const account = z.object({
  id: z.string(),
  country: z.string().nullish(),
  payouts_enabled: z.boolean().nullish(),
  details_submitted: z.boolean().nullish(),
  requirements: z.object({ currently_due: z.array(z.string()).nullish(), disabled_reason: z.string().nullish() }).nullish(),
  external_accounts: z.object({ data: z.array(externalAccount) }).nullish(),
});
export type ConnectedAccount = z.output<typeof account>;

export const transfer = z.object({ id: z.string(), reversed: z.boolean(), destination: reference, metadata });
export type Transfer = z.output<typeof transfer>;

export const payout = z.object({
  id: z.string(),
  status: z.string(),
  arrival_date: z.int().nullish(),
  failure_code: z.string().nullish(),
  metadata,
});
export type Payout = z.output<typeof payout>;

export const identified = z.object({ id: z.string() });
export const accountLink = z.object({ url: z.string() });
export const listOf = <Item extends z.ZodType>(item: Item) => z.object({ data: z.array(item) });
export const pageOf = <Item extends z.ZodType>(item: Item) => z.object({ data: z.array(item), has_more: z.boolean() });
