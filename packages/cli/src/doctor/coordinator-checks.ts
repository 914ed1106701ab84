import { API_ANSWERS } from "@umbel/coordinator/answers";
import { z } from "zod";
import { type Finding, fail, pass, warn } from "./finding.js";
import type { Patient } from "./patient.js";

const ANSWER_ms = 10_000;
/** Registrations and challenges carry the time; one that is this far off is refused (protocol.md §5). */
const CLOCK_OFF_ms_max = 60_000;
const health = z.object({ status: z.string(), version: z.string() }).loose();

/** Whether the coordinator is there, knows the account, and what it thinks of this machine. */
export async function coordinatorChecks(patient: Patient): Promise<Finding[]> {
  const { status, settings } = patient;
  const running = status === undefined || status instanceof Error ? undefined : status;
  if (running?.coordinator === null) return [pass("coordinator", "It serves this machine's own programs, without a coordinator")];
  const url = (running?.coordinator ?? settings.values.coordinatorUrl ?? "").replace(/\/+$/, "").replace(/^ws/, "http");
  const answer = await get(`${url}/health`, undefined, patient);
  const reached = reach(url, answer);
  if (answer instanceof Error || reached.status !== "pass") return [reached];
  return [reached, ...clock(answer, patient), ...(await account(url, patient))];
}

function reach(url: string, answer: Answer | Error): Finding {
  if (answer instanceof Error) {
    const fix = "Check coordinator.url (or --coordinator), the network, and whether a proxy or firewall stands between.";
    return fail("coordinator", `Nothing answers at ${url} (${causeOf(answer)}).`, fix);
  }
  const alive = health.safeParse(answer.body);
  if (answer.status === 200 && alive.success) return pass("coordinator", `The coordinator ${url} answers (version ${alive.data.version})`);
  return fail(
    "coordinator",
    `What answers at ${url} is no coordinator (HTTP ${answer.status}).`,
    "Give the coordinator's own address in coordinator.url.",
  );
}

function clock({ date }: Answer, patient: Patient): Finding[] {
  const theirs_ms = Date.parse(date ?? "");
  if (Number.isNaN(theirs_ms)) return [];
  const off_ms = patient.now().getTime() - theirs_ms;
  if (Math.abs(off_ms) < CLOCK_OFF_ms_max) return [pass("clock", "The clock agrees with the coordinator's")];
  const words = `The clock is ${Math.round(Math.abs(off_ms) / 1_000)} s ${off_ms > 0 ? "fast" : "slow"} by the coordinator's: what the machine signs is refused.`;
  return [fail("clock", words, "Turn on the system's time synchronisation.")];
}

async function account(url: string, patient: Patient): Promise<Finding[]> {
  const { token, status } = patient;
  if (token === undefined) {
    const fix = "Link the machine to your account: umbel provider login, or give UMBEL_PROVIDER_TOKEN.";
    return [warn("account", "The machine is linked to no account, so nobody earns what it serves.", fix)];
  }
  const list = await get(`${url}/v1/me/providers`, token, patient);
  if (list instanceof Error || list.status >= 500)
    return [warn("account", "The coordinator does not say whether it knows the token.", "Try again later.")];
  if (list.status !== 200) {
    return [
      fail("account", "The coordinator does not accept the machine's token.", "Get a new one: umbel provider login, or from the operator."),
    ];
  }
  const linked = pass("account", "The machine is linked to an account");
  const machineId = status instanceof Error ? undefined : status?.machine_id;
  if (machineId === undefined || machineId === null) return [linked];
  return [linked, ...(await opinion(url, machineId, patient))];
}

/** The coordinator puts an ordinary request through its gates and says which of them refuses this machine. */
async function opinion(url: string, machineId: string, patient: Patient): Promise<Finding[]> {
  const answer = await get(`${url}/v1/me/providers/${encodeURIComponent(machineId)}/why`, patient.token, patient);
  if (answer instanceof Error) return [];
  if (answer.status === 404) {
    const fix = "It is linked to another account, or was never registered: restart it with this token.";
    return [fail("work", "The coordinator knows no such machine of this account.", fix)];
  }
  const why = API_ANSWERS.machineWhy.safeParse(answer.body);
  if (!why.success) return [];
  const { state, reason, words, advice, builds } = why.data;
  const findings = builds
    .filter((build) => build.state !== "competes")
    .map((build) =>
      warn(
        "work",
        `${build.build} gets no work (${build.reason}): ${build.words.join("; ")}.`,
        build.advice ?? "See umbel explain --machine.",
      ),
    );
  if (state === "gets_work") return [pass("work", `The coordinator gives it work: ${words.join("; ")}`), ...findings];
  return [fail("work", `The coordinator gives it no work (${reason}): ${words.join("; ")}.`, advice ?? "See umbel explain --machine.")];
}

interface Answer {
  readonly status: number;
  readonly date: string | null;
  readonly body: unknown;
}

async function get(url: string, token: string | undefined, { fetch }: Patient): Promise<Answer | Error> {
  try {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(ANSWER_ms) });
    const text = await response.text();
    return { status: response.status, date: response.headers.get("date"), body: parsed(text) };
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function causeOf({ cause, message }: Error): string {
  if (cause instanceof Error && "code" in cause) return String(cause.code);
  return message;
}
