import { API_ANSWERS } from "@umbel/coordinator/answers";
import { replayDecision } from "@umbel/routing";
import { type ApiOptions, adminKeyOf, apiKeyOf, getFromApi } from "../api.js";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { createOutput, type Output } from "../output.js";
import { refuse } from "../refusal.js";
import { explainMachine } from "./explain-machine.js";

export interface ExplainOptions extends ApiOptions {
  readonly replay?: boolean;
  /** True for all of the owner's machines. */
  readonly machine?: string | true;
  readonly model?: string;
  readonly json?: boolean;
}

type OperatorDecision = ReturnType<typeof API_ANSWERS.operatorDecision.parse>;
type OwnDecision = ReturnType<typeof API_ANSWERS.ownDecision.parse>;

interface Replayed {
  readonly attempt: number;
  readonly outcome: "same" | "differs" | "not_kept";
  readonly words: string;
}

const UNKNOWN_REMEDY = "Records are kept for some days only, and appear when a request has been dispatched. Check the id.";

/** `umbel explain`. Exit code 7 when a replay does not come to the same decision. */
export async function explain(id: string | undefined, options: ExplainOptions): Promise<void> {
  const output = createOutput(options);
  if (options.machine !== undefined) {
    if (id !== undefined) {
      throw new CliError("A request and a machine cannot be explained at once.", EXIT_CODES.usage, "Leave out one of them.");
    }
    return explainMachine(options.machine === true ? undefined : options.machine, options, output);
  }
  if (id === undefined) {
    throw new CliError("There is nothing to explain.", EXIT_CODES.usage, "Give the X-Request-ID of an answer, or --machine.");
  }
  const decision = await decisionOf(id, options);
  const replayed = options.replay === true ? replay(decision) : undefined;
  output.result(replayed === undefined ? decision : { ...decision, replay: replayed });
  show(decision, replayed, output);
  if (replayed?.some(({ outcome }) => outcome === "differs") === true) process.exitCode = EXIT_CODES.verification;
}

/** The operator's record, with the operator's key; else what the request's own account may see. */
async function decisionOf(id: string, options: ExplainOptions): Promise<OperatorDecision | OwnDecision> {
  const name = encodeURIComponent(id);
  const adminKey = options.apiKey === undefined ? await adminKeyOf(options) : undefined;
  if (adminKey !== undefined) {
    const reply = await getFromApi(`/admin/decisions/${name}`, adminKey, options);
    if (reply.ok) return API_ANSWERS.operatorDecision.parse(reply.body);
    if (reply.status !== 403 || options.adminKey !== undefined) refuse(reply, { remedy: UNKNOWN_REMEDY, credential: "Check --admin-key." });
  }
  if (options.replay === true) {
    const remedy = "Give --admin-key or UMBEL_ADMIN_KEY: the record names other people's machines.";
    throw new CliError("Only the operator can make a decision again.", EXIT_CODES.authentication, remedy);
  }
  const apiKey = await apiKeyOf(options);
  if (apiKey === undefined) {
    const remedy = "Give --admin-key or UMBEL_ADMIN_KEY as the operator, or --api-key or UMBEL_API_KEY for a request of your own.";
    throw new CliError("There is no key to ask with.", EXIT_CODES.authentication, remedy);
  }
  const reply = await getFromApi(`/decisions/${name}`, apiKey, options);
  if (reply.ok) return API_ANSWERS.ownDecision.parse(reply.body);
  return refuse(reply, { remedy: `${UNKNOWN_REMEDY} A key sees the requests of its own account.`, credential: "Check --api-key." });
}

/** @throws CliError when nothing was kept to decide again from */
function replay({ attempts }: OperatorDecision | OwnDecision): readonly Replayed[] {
  return attempts.map((attempt) => {
    const audit = "audit" in attempt ? attempt.audit : undefined;
    if (audit === undefined || audit === null) {
      return { attempt: attempt.attempt, outcome: "not_kept", words: "nothing was kept to decide again from" };
    }
    const replayed = replayDecision(JSON.stringify(audit));
    if (replayed.outcome === "differs") return { attempt: attempt.attempt, outcome: "differs", words: replayed.words };
    const { winner } = replayed;
    if ((winner?.providerId ?? null) !== attempt.provider) {
      const words = `routing chooses ${winner?.providerId ?? "nobody"}, the row says ${attempt.provider ?? "nobody"}`;
      return { attempt: attempt.attempt, outcome: "differs", words };
    }
    const words = winner === undefined ? "nobody could serve it, again" : `the same machine wins again: ${winner.providerId}`;
    return { attempt: attempt.attempt, outcome: "same", words };
  });
}

function show(decision: OperatorDecision | OwnDecision, replayed: readonly Replayed[] | undefined, output: Output): void {
  const model = decision.model === decision.build ? decision.model : `${decision.model}, build ${decision.build}`;
  output.line(`Request ${decision.request_id} for ${model}`);
  output.line(decision.summary);
  for (const attempt of decision.attempts) {
    output.line(`\nAttempt ${attempt.attempt} at ${attempt.at}`);
    for (const line of attempt.words) output.line(`  ${line}`);
    const refusedMachines = "refused_machines" in attempt ? (attempt.refused_machines ?? []) : [];
    if (refusedMachines.length > 0) output.line("  refused, machine by machine:");
    for (const machine of refusedMachines) output.line(`    ${machine.provider} (${machine.reason}): it ${machine.words}`);
  }
  if (replayed === undefined) return;
  output.line("\nDecided again with this release:");
  for (const { attempt, words } of replayed) output.line(`  attempt ${attempt}: ${words}`);
}
