import { CliError, EXIT_CODES } from "../exit-codes.js";

/** What a start on a terminal may ask, and what comes of the answers. */
export interface SetUp {
  readonly isLinked: boolean;
  /** Whether there is anything to serve besides what comes with Umbel. */
  readonly hasModels: boolean;
  /** Whether its owner has said in the settings what is told to the coordinator. */
  readonly hasDecided: boolean;
  ask(question: string): Promise<string>;
  link(): Promise<void>;
  pick(): Promise<void>;
  /** Kept in the settings, so that it is asked once. */
  decide(tells: boolean): Promise<void>;
  note(text: string): void;
}

/** Offers what is still to be done, and asks for consent: once. Nothing of it keeps a machine from serving, unless somebody breaks it off. */
export async function setUp(steps: SetUp): Promise<void> {
  if (steps.hasDecided) return;
  if (!steps.isLinked && isYes(await steps.ask("Link this machine to your account now, so that it earns for you? [Y/n] "), true)) {
    await orLater(steps, "umbel provider login", () => steps.link());
  }
  if (!steps.hasModels && isYes(await steps.ask("Choose models of the catalogue for it to serve? [Y/n] "), true)) {
    await orLater(steps, "umbel models download", () => steps.pick());
  }
  const question =
    "Tell the coordinator when this program crashes, loses its connection or runs out of memory? Only in words of a closed list, never of requests. [y/N] ";
  const tells = isYes(await steps.ask(question), false);
  await steps.decide(tells);
  steps.note(`It tells ${tells ? "that, and nothing else" : "nothing"}; telemetry.enabled in its settings changes that.`);
}

function isYes(answer: string, otherwise: boolean): boolean {
  const word = answer.trim().toLowerCase();
  return word === "" ? otherwise : word === "y" || word === "yes";
}

async function orLater({ note }: SetUp, command: string, step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (error) {
    if (!(error instanceof CliError) || error.exitCode === EXIT_CODES.interrupted) throw error;
    note(`${error.message}\nIt serves all the same; do this later with: ${command}`);
  }
}
