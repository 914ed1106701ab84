import { z } from "zod";
import { controlBody } from "../control-body.js";
import type { HttpDependencies } from "../dependencies.js";
import { principalOf } from "../exchange.js";
import { queryOf } from "../lists/query.js";
import type { Route } from "../route.js";
import { createCache } from "./cached.js";
import { LEADERBOARD_LIMITS, leaderboardObject, leaderboardQuery, leadersOf, networkTotals, totalsOf, totalsQuery } from "./leaderboard.js";
import { networkStats, STATS_LIMITS, statsObject } from "./network.js";

const WINDOW = { name: "window", in: "query", description: "24h, 1d, 7d, 30d, all or lifetime; all if absent." } as const;

const visibility = z.object({ listed: z.boolean().describe("Whether the account and its machines stand in public lists, by pseudonym.") });

/** Figures for everybody, and who wants to be among them. Sources: routing.md §17; console.md §8; money.md §15. */
export function statisticsRoutes(dependencies: HttpDependencies): readonly Route[] {
  const { clock, statistics } = dependencies;
  const stats = createCache<z.infer<typeof statsObject>>(clock, STATS_LIMITS.valid_ms);
  const leaders = createCache<z.infer<typeof leaderboardObject>>(clock, LEADERBOARD_LIMITS.valid_ms);
  const totals = createCache<z.infer<typeof networkTotals>>(clock, LEADERBOARD_LIMITS.totalsValid_ms);
  return [
    {
      method: "GET",
      url: "/v1/stats",
      access: "public",
      doc: { tag: "Network", summary: "What the network does and is made of", answer: statsObject },
      handle: () => stats("", () => networkStats(dependencies)),
    },
    {
      method: "GET",
      url: "/v1/leaderboard",
      access: "public",
      doc: {
        tag: "Network",
        summary: "Who serves most, by pseudonym",
        parameters: [
          { name: "metric", in: "query", description: "earnings, tokens or jobs; earnings if absent." },
          WINDOW,
          { name: "limit", in: "query", description: `Entries, at most ${LEADERBOARD_LIMITS.entries_max}; 50 if absent.` },
        ],
        answer: leaderboardObject,
        errors: [400],
      },
      async handle(request) {
        const { limit, ...query } = queryOf(request, leaderboardQuery);
        const board = await leaders(`${query.metric} ${query.window}`, () => leadersOf(query, dependencies));
        return { ...board, entries: board.entries.slice(0, limit) };
      },
    },
    {
      method: "GET",
      url: "/v1/network/totals",
      access: "public",
      doc: {
        tag: "Network",
        summary: "What all providers together have earned",
        parameters: [WINDOW],
        answer: networkTotals,
        errors: [400],
      },
      async handle(request) {
        const { window } = queryOf(request, totalsQuery);
        return totals(window, () => totalsOf(window, dependencies));
      },
    },
    {
      method: "GET",
      url: "/v1/me/visibility",
      access: "session",
      doc: { tag: "Machines", summary: "Whether the account stands in public lists", answer: visibility },
      handle: async (request) => ({ listed: await statistics.isListed(principalOf(request).accountId) }),
    },
    {
      method: "PUT",
      url: "/v1/me/visibility",
      access: "session",
      doc: {
        tag: "Machines",
        summary: "Stand in public lists, or not",
        description: "Lists that are cached show the change after five minutes at most.",
        request: visibility,
        answer: visibility,
        errors: [400],
      },
      async handle(request) {
        const { listed } = await controlBody(request, z.strictObject(visibility.shape), dependencies);
        await statistics.setListed(principalOf(request).accountId, listed);
        return { listed };
      },
    },
  ];
}
