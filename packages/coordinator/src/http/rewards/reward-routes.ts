import { ApiError } from "@umbel/dialects";
import { z } from "zod";
import { countedMemory_gb, epochAt, type MachineReward, monthlyFloor_microUsd, partOf } from "../../rewards/index.js";
import { controlBody } from "../control-body.js";
import type { HttpDependencies } from "../dependencies.js";
import { principalOf } from "../exchange.js";
import { jsonAmount, usd } from "../money-format.js";
import { actorOf } from "../publishing/index.js";
import type { Route } from "../route.js";

const RETRY_AFTER_s = 2;
const MEMORY_gb_max = 65_536;

const microUsd = z.int().describe("Millionths of a USD.");
const drawObject = z.object({
  epoch_id: z.string(),
  amount_micro_usd: microUsd,
  floor_micro_usd: microUsd.describe("What it is to come to at least in five minutes."),
  earned_micro_usd: microUsd,
  uptime: z.number(),
  memory_gb: z.number(),
});
const ownRewards = z.object({
  enabled: z.boolean(),
  machines: z.array(
    z.object({
      id: z.string().describe("Pseudonym of the machine, as in `X-Provider-Id`."),
      tier_monthly_usd: z
        .string()
        .nullable()
        .describe("What a machine of its memory is to come to in a month at least; null for a kind that is not known yet."),
      eligible: z.boolean(),
      reasons: z.array(z.string()).describe("Why it is not paid at the moment."),
      month_micro_usd: microUsd.describe("Paid this month."),
      month_usd: z.string(),
      latest: drawObject.nullable(),
    }),
  ),
});
const operatorRewards = z.object({
  enabled: z.boolean(),
  epoch_id: z.string().nullable().optional(),
  period_seconds: z.int().optional(),
  monthly_pool_budget: microUsd.optional(),
  pool_budget: microUsd.optional(),
  pool_used: microUsd.optional(),
  reduction_k: z.number().optional(),
  draw_count: z.int().optional(),
  draws: z.array(drawObject.extend({ machine_id: z.string(), account_id: z.string() })).optional(),
});
const capBody = z.strictObject({
  compute_class: z.string().min(1).max(256).describe("As machines report it, e.g. apple-m4-max or rtx-4090."),
  max_gb: z.number().min(0).max(MEMORY_gb_max).nullable().describe("Most memory that such machines come with; null takes it away."),
});
const capTable = z.object({ object: z.literal("list"), data: z.array(z.object({ compute_class: z.string(), max_gb: z.number() })) });
export const hardwareCapSet = z.object({ status: z.literal("cap_updated"), compute_class: z.string(), max_gb: z.number().nullable() });

/** Pay for machines that are there. Source: money.md §14. */
export function rewardRoutes(dependencies: HttpDependencies): readonly Route[] {
  const { rewards, settings, fleet, clock } = dependencies;
  return [
    {
      method: "GET",
      url: "/v1/me/rewards",
      access: "owner",
      doc: { tag: "Machines", summary: "What the account's machines are paid for being there, and why not", answer: ownRewards },
      async handle(request): Promise<z.infer<typeof ownRewards>> {
        if (!settings.baseRewards) return { enabled: false, machines: [] };
        const [machines, caps] = await Promise.all([asked(rewards.ofAccount(principalOf(request).accountId)), asked(rewards.caps())]);
        return { enabled: true, machines: machines.map((machine) => shown(machine, caps, fleet.publicId)) };
      },
    },
    {
      method: "GET",
      url: "/v1/admin/base-rewards",
      access: "admin",
      doc: { tag: "Operator", summary: "The last five minutes that machines were paid for", answer: operatorRewards },
      async handle(): Promise<z.infer<typeof operatorRewards>> {
        if (!settings.baseRewards) return { enabled: false };
        const latest = await asked(rewards.latest());
        const budget = latest?.epoch.budget_microUsd ?? partOf(BigInt(settings.baseRewardsPool_microUsd), epochAt(clock.date()));
        const draws = (latest?.draws ?? []).map((draw) => ({ ...drawn(draw), machine_id: draw.machineId, account_id: draw.accountId }));
        return {
          ...{ enabled: true, epoch_id: latest?.epoch.epochId ?? null, period_seconds: 300 },
          monthly_pool_budget: settings.baseRewardsPool_microUsd,
          pool_budget: jsonAmount(budget),
          pool_used: jsonAmount(latest?.epoch.drawn_microUsd ?? 0n),
          ...{ reduction_k: settings.baseRewardsReduction, draw_count: draws.length, draws },
        };
      },
    },
    {
      method: "GET",
      url: "/v1/admin/hardware-caps",
      access: "admin",
      doc: { tag: "Operator", summary: "The most memory that machines of a class come with", answer: capTable },
      async handle(): Promise<z.infer<typeof capTable>> {
        const caps = await asked(rewards.caps());
        return { object: "list", data: [...caps].map(([compute_class, max_gb]) => ({ compute_class, max_gb })) };
      },
    },
    {
      method: "PUT",
      url: "/v1/admin/hardware-caps",
      access: "admin",
      doc: {
        tag: "Operator",
        summary: "Say how much memory machines of a class come with at most; without it they wait, processors at 0",
        request: capBody,
        answer: hardwareCapSet,
        errors: [400],
      },
      async handle(request): Promise<z.infer<typeof hardwareCapSet>> {
        const { compute_class, max_gb } = await controlBody(request, capBody, dependencies);
        await asked(rewards.setCap(compute_class, max_gb ?? undefined, actorOf(request)));
        return { status: "cap_updated", compute_class, max_gb };
      },
    },
  ];
}

function shown(
  { machineId, draw, sum_microUsd, latest }: MachineReward,
  caps: ReadonlyMap<string, number>,
  publicId: (id: string) => string,
) {
  const memory_gb = latest === undefined ? draw?.memory_gb : countedMemory_gb(latest.memory_gb, latest.computeClass, caps);
  return {
    id: publicId(machineId),
    tier_monthly_usd: memory_gb === undefined ? null : usd(monthlyFloor_microUsd(memory_gb)),
    eligible: latest?.eligible ?? false,
    reasons: latest === undefined ? ["offline"] : [...latest.reasons, ...(memory_gb === undefined ? ["unknown_hardware"] : [])],
    month_micro_usd: jsonAmount(sum_microUsd),
    month_usd: usd(sum_microUsd),
    latest: draw === undefined ? null : drawn(draw),
  };
}

function drawn(draw: NonNullable<MachineReward["draw"]>): z.infer<typeof drawObject> {
  return {
    epoch_id: draw.epochId,
    amount_micro_usd: jsonAmount(draw.amount_microUsd),
    floor_micro_usd: jsonAmount(draw.floor_microUsd),
    earned_micro_usd: jsonAmount(draw.earned_microUsd),
    uptime: draw.uptime,
    memory_gb: draw.memory_gb,
  };
}

async function asked<Answer>(asking: Promise<Answer>): Promise<Answer> {
  try {
    return await asking;
  } catch (cause) {
    const message = "rewards cannot be read or changed right now — please retry";
    throw new ApiError({ status: 503, code: "service_unavailable", message, retryAfter_s: RETRY_AFTER_s, cause });
  }
}
