/** What is known of a machine at a moment. */
export interface SeenMachine {
  readonly machineId: string;
  readonly accountId: string | undefined;
  readonly online: boolean;
  readonly trusted: boolean;
  readonly trustLevel: "none" | "self_signed" | "hardware";
  readonly computeClass: string;
  /** Of its accelerator: graphics memory, or all of a machine whose memory is one. */
  readonly memory_gb: number;
  readonly memoryPressure: number;
  readonly thermal: string;
  /** Whether a model is in its memory. */
  readonly hasModel: boolean;
}

const TRUST = ["none", "self_signed", "hardware"] as const;
/** From here on its memory is short. */
const PRESSURE_max = 0.8;

/** Why a machine is not paid for being there; none if it is. Demand plays no part. Source: money.md §14. */
export function ineligibility(machine: SeenMachine, minTrust: SeenMachine["trustLevel"]): readonly string[] {
  const rules: readonly (readonly [boolean, string])[] = [
    [machine.online, "offline"],
    [machine.trusted, "untrusted"],
    [TRUST.indexOf(machine.trustLevel) >= TRUST.indexOf(minTrust), "trust_level"],
    [machine.accountId !== undefined, "not_linked"],
    [machine.hasModel, "no_model_loaded"],
    [machine.memoryPressure < PRESSURE_max, "memory_pressure"],
    [machine.thermal !== "critical", "thermal"],
  ];
  return rules.filter(([holds]) => !holds).map(([, reason]) => reason);
}
