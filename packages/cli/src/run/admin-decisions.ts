import { API_ANSWERS } from "@umbel/coordinator/answers";
import { type ApiOptions, adminKeyOf, getFromApi } from "../api.js";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { createOutput, table } from "../output.js";
import { refuse } from "../refusal.js";

export interface DecisionsOptions extends ApiOptions {
  readonly model?: string;
  readonly provider?: string;
  readonly status?: string;
  readonly since: string;
  readonly limit: string;
  readonly json?: boolean;
}

/** `umbel admin decisions`. */
export async function listDecisions(options: DecisionsOptions): Promise<void> {
  const output = createOutput(options);
  const key = await adminKeyOf(options);
  if (key === undefined) {
    throw new CliError("There is no operator's key to ask with.", EXIT_CODES.authentication, "Give --admin-key or UMBEL_ADMIN_KEY.");
  }
  const query = new URLSearchParams({ since: options.since, limit: options.limit });
  for (const [name, value] of Object.entries({ model: options.model, provider: options.provider, final_status: options.status })) {
    if (value !== undefined) query.set(name, value);
  }
  const reply = await getFromApi(`/admin/decisions?${query}`, key, options);
  if (!reply.ok) return refuse(reply, { remedy: "Check the options.", credential: "Check --admin-key." });
  const list = API_ANSWERS.decisionList.parse(reply.body);
  output.result(list);
  output.line(
    list.data.length === 0
      ? "No request was dispatched in that time. Look further back with --since, e.g. --since 7d."
      : table(
          ["TIME", "REQUEST", "ATTEMPT", "MODEL", "PROVIDER", "STATUS", "FIRST TOKEN"],
          list.data.map((row) => [
            row.at,
            row.request_id,
            `${row.attempt} ${row.kind}`,
            row.model,
            row.provider ?? row.outcome,
            row.error_class ?? row.final_status ?? "running",
            row.ttft_ms === null ? "" : `${Math.round(row.ttft_ms)} ms`,
          ]),
        ),
  );
}
