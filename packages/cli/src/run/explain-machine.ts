import { API_ANSWERS } from "@umbel/coordinator/answers";
import { type ApiOptions, getFromApi, ownerTokenOf } from "../api.js";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import type { Output } from "../output.js";
import { refuse } from "../refusal.js";

interface MachineOptions extends ApiOptions {
  readonly model?: string;
}

type Why = ReturnType<typeof API_ANSWERS.machineWhy.parse>;

/** `umbel explain --machine`: whether the owner's machines get work, and if not, what stands in the way. */
export async function explainMachine(id: string | undefined, options: MachineOptions, output: Output): Promise<void> {
  const token = await ownerTokenOf(options);
  if (token === undefined) {
    const remedy = "Give --token or UMBEL_PROVIDER_TOKEN: the token that the machine registers with, or `umbel session` of its owner.";
    throw new CliError("There is no token of an owner to ask with.", EXIT_CODES.authentication, remedy);
  }
  const ids = id === undefined ? await machinesOf(token, options) : [id];
  const machines: Why[] = [];
  for (const machine of ids) machines.push(await whyOf(machine, token, options));
  output.result(id === undefined ? { object: "list", data: machines } : machines[0]);
  if (machines.length === 0) {
    output.line("This account has no machines. Start one with its token: UMBEL_PROVIDER_TOKEN=<token> umbel provider start");
  }
  machines.forEach((why, index) => {
    if (index > 0) output.line();
    show(why, output);
  });
}

async function machinesOf(token: string, options: MachineOptions): Promise<readonly string[]> {
  const reply = await getFromApi("/me/providers", token, options);
  if (!reply.ok) return refuse(reply, { remedy: "Try again later.", credential: "Check --token." });
  return API_ANSWERS.machineList.parse(reply.body).data.map((machine) => machine.id);
}

async function whyOf(id: string, token: string, options: MachineOptions): Promise<Why> {
  const query = options.model === undefined ? "" : `?model=${encodeURIComponent(options.model)}`;
  const reply = await getFromApi(`/me/providers/${encodeURIComponent(id)}/why${query}`, token, options);
  if (reply.ok) return API_ANSWERS.machineWhy.parse(reply.body);
  return refuse(reply, { remedy: "See the account's machines with: umbel explain --machine", credential: "Check --token." });
}

function show(why: Why, output: Output): void {
  output.line(`Machine ${why.id}: ${why.state === "gets_work" ? "gets work" : `gets no work (${why.reason})`}`);
  for (const line of why.words) output.line(`  ${line}`);
  if (why.advice !== null) output.line(`  What to do: ${why.advice}`);
  for (const build of why.builds) {
    output.line(`  ${build.build}: ${build.state === "competes" ? "may be chosen" : `refused (${build.reason})`}`);
    for (const line of build.words) output.line(`    ${line}`);
    if (build.advice !== null && build.advice !== why.advice) output.line(`    What to do: ${build.advice}`);
  }
}
