import type { ErrorClass } from "@umbel/protocol";
import type { MachineSpec } from "./fleet-mix.js";
import type { Fault } from "./scenario.js";
import { chance } from "./streams.js";
import type { Work } from "./work.js";

type Kind<Name extends Fault["kind"]> = Extract<Fault, { kind: Name }>;

/** What is wrong with a machine. Its chances depend on the machine and the request alone, so that every policy meets the same faults. */
export class Misbehaviour {
  readonly slowDecode: number;
  /** How many times its true places it claims to have; 1 is the truth. */
  readonly lie: number;
  /** How fast its clock runs; 1 is right. */
  readonly clockRate: number;
  readonly crash: Kind<"crash"> | undefined;
  readonly flapping: Kind<"flapping"> | undefined;
  readonly #failing: Kind<"failing"> | undefined;
  readonly #template: Kind<"template_crash"> | undefined;
  readonly #afterAccept: Kind<"stall_after_accept"> | undefined;
  readonly #afterPreamble: Kind<"stall_after_preamble"> | undefined;
  readonly #oom: Kind<"oom_on_load"> | undefined;

  constructor(
    private readonly machine: MachineSpec,
    private readonly seed: number,
  ) {
    this.slowDecode = this.#find("slow_decode")?.factor ?? 1;
    this.lie = this.#find("lying_capacity")?.factor ?? 1;
    this.clockRate = this.#find("clock_skew")?.rate ?? 1;
    this.crash = this.#find("crash");
    this.flapping = this.#find("flapping");
    this.#failing = this.#find("failing");
    this.#template = this.#find("template_crash");
    this.#afterAccept = this.#find("stall_after_accept");
    this.#afterPreamble = this.#find("stall_after_preamble");
    this.#oom = this.#find("oom_on_load");
  }

  /** How the request ends at once; undefined if it does not. */
  refusal(work: Work): ErrorClass | undefined {
    if (this.#template !== undefined && work.tools && this.#hits(this.#template.chance, work.request, 1)) return "template_render";
    return this.#failing !== undefined && this.#hits(this.#failing.chance, work.request, 2) ? "internal" : undefined;
  }

  stallAfterAccept_ms(work: Work): number {
    return this.#stall_ms(this.#afterAccept, work, 3);
  }

  stallAfterPreamble_ms(work: Work): number {
    return this.#stall_ms(this.#afterPreamble, work, 4);
  }

  failsLoad(build: number, now_ms: number): boolean {
    return this.#oom !== undefined && this.#hits(this.#oom.chance, build, Math.floor(now_ms));
  }

  get isFaulty(): boolean {
    return this.machine.faults.length > 0;
  }

  #stall_ms(fault: Kind<"stall_after_accept" | "stall_after_preamble"> | undefined, work: Work, salt: number): number {
    return fault !== undefined && this.#hits(fault.chance, work.request, salt) ? fault.stall_s * 1000 : 0;
  }

  #hits(likelihood: number, subject: number, salt: number): boolean {
    return chance(this.seed ^ Math.imul(salt, 0x27d4eb2f), this.machine.number, subject) < likelihood;
  }

  #find<Name extends Fault["kind"]>(kind: Name): Kind<Name> | undefined {
    return this.machine.faults.find((fault): fault is Kind<Name> => fault.kind === kind);
  }
}
