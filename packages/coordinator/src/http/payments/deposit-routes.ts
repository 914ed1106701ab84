import { ApiError } from "@umbel/dialects";
import { z } from "zod";
import { PAYMENT_LIMITS } from "../../payments/index.js";
import { controlBody } from "../control-body.js";
import type { HttpDependencies } from "../dependencies.js";
import { principalOf } from "../exchange.js";
import { queryOf } from "../lists/query.js";
import { jsonAmount, usd } from "../money-format.js";
import type { Route } from "../route.js";
import { usdAmount } from "../usd-amount.js";
import { nothingThere, paid } from "./refusals.js";

const microUsd = z.int().describe("Millionths of a USD.");
const sessionBody = z.strictObject({
  amount_usd: usdAmount,
  email: z.string().optional().describe("Filled in on the payment page; for somebody who has signed in."),
  referral_code: z.string().optional(),
});
const openedAnswer = z.object({
  session_id: z.string(),
  stripe_session: z.string(),
  url: z.string().describe("The page on which it is paid."),
  amount_usd: z.string(),
  amount_micro_usd: microUsd,
});
const depositObject = z.object({
  session_id: z.string(),
  payment_method: z.string(),
  amount_micro_usd: microUsd,
  refunded_micro_usd: microUsd,
  status: z.enum(["creating", "pending", "completed", "expired", "needs_review"]),
  created_at: z.iso.datetime(),
  completed_at: z.iso.datetime().nullable(),
});
const depositList = z.object({ object: z.literal("list"), data: z.array(depositObject) });
const methodsAnswer = z.object({
  methods: z.array(z.object({ method: z.string(), display_name: z.string(), currencies: z.array(z.string()) })),
  referral: z.object({ enabled: z.boolean(), share_percent: z.int() }),
});

const idQuery = z.strictObject({ id: z.string().min(1).max(64) });
export const listQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(PAYMENT_LIMITS.list_max).default(PAYMENT_LIMITS.list_default),
});
export const LIMIT_PARAMETER = {
  name: "limit",
  in: "query",
  description: `Rows, at most ${PAYMENT_LIMITS.list_max}; ${PAYMENT_LIMITS.list_default} if absent.`,
} as const;

/** Money that comes in by card. Sources: money.md §11, api.md §23. */
export function depositRoutes(dependencies: HttpDependencies): readonly Route[] {
  const { payments, settings } = dependencies;
  const { deposits } = payments;

  return [
    {
      method: "GET",
      url: "/v1/billing/methods",
      access: "public",
      doc: { tag: "Billing", summary: "How an account can be filled", answer: methodsAnswer },
      async handle(): Promise<z.infer<typeof methodsAnswer>> {
        const card = { method: "stripe", display_name: "Card", currencies: ["USD"] };
        const { referralShare_percent: share_percent } = settings;
        const referral = { enabled: share_percent > 0, share_percent };
        return { methods: payments.takesCards ? [card] : [], referral };
      },
    },
    {
      method: "POST",
      url: "/v1/billing/stripe/create-session",
      access: "account",
      doc: {
        tag: "Billing",
        summary: "Make a page on which credits are paid by card",
        request: sessionBody,
        answer: openedAnswer,
        errors: [400, 502],
      },
      async handle(request): Promise<z.infer<typeof openedAnswer>> {
        const { accountId, method } = principalOf(request);
        const { amount_usd: amount_microUsd, email, referral_code: referralCode } = await controlBody(request, sessionBody, dependencies);
        if (email !== undefined && method !== "session")
          throw new ApiError({ status: 403, code: "forbidden", message: "only somebody who has signed in may name an e-mail address" });
        const opened = await paid(deposits.open({ accountId, amount_microUsd, email, referralCode }));
        return {
          session_id: opened.id,
          stripe_session: opened.externalId,
          url: opened.url,
          amount_usd: usd(amount_microUsd),
          amount_micro_usd: jsonAmount(amount_microUsd),
        };
      },
    },
    {
      method: "GET",
      url: "/v1/billing/stripe/session",
      access: "account",
      doc: {
        tag: "Billing",
        summary: "What has become of a deposit",
        parameters: [{ name: "id", in: "query", required: true, description: "`session_id` of its page." }],
        answer: depositObject,
        errors: [400, 404],
      },
      async handle(request): Promise<z.infer<typeof depositObject>> {
        const row = await deposits.get(principalOf(request).accountId, queryOf(request, idQuery).id);
        if (row === undefined) throw nothingThere("deposit");
        return shown(row);
      },
    },
    {
      method: "GET",
      url: "/v1/billing/deposits",
      access: "account",
      doc: {
        tag: "Billing",
        summary: "Deposits of the account, newest first",
        parameters: [LIMIT_PARAMETER],
        answer: depositList,
        errors: [400],
      },
      async handle(request): Promise<z.infer<typeof depositList>> {
        const { limit } = queryOf(request, listQuery);
        return { object: "list", data: (await deposits.list(principalOf(request).accountId, limit)).map(shown) };
      },
    },
  ];
}

type Deposit = NonNullable<Awaited<ReturnType<HttpDependencies["payments"]["deposits"]["get"]>>>;

function shown(row: Deposit): z.infer<typeof depositObject> {
  return {
    session_id: row.id,
    payment_method: row.paymentMethod,
    amount_micro_usd: jsonAmount(row.amount_microUsd),
    refunded_micro_usd: jsonAmount(row.refunded_microUsd),
    status: row.status,
    created_at: row.createdAt.toISOString(),
    completed_at: row.completedAt?.toISOString() ?? null,
  };
}
