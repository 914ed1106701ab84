import type { Store } from "../../../store/index.js";
import { createLedger } from "../../ledger.js";
import type { Ledger } from "../../types.js";
import { castOf } from "./cast.js";
import { type Chance, chanceOf } from "./chance.js";
import { Disk } from "./disk.js";
import { type Fate, type Gate, Process } from "./process.js";
import { type Deed, storyOf, type Told } from "./story.js";
import { wired } from "./wire.js";

const START = new Date("2026-03-02T12:00:00Z");
/** Nothing that is right takes so many steps; a world that does has hung. */
const STEPS_MAX = 2_000;
const DEEDS_AT_ONCE = 2;

export interface WorldOutcome {
  readonly seed: number;
  readonly told: readonly Told[];
  /** What the world did, for a seed that is replayed alone. */
  readonly log: readonly string[];
  readonly kills: number;
  readonly faults: number;
  readonly gates: number;
  /** Whether every settlement was on disk before it was booked, and nobody but its own process ended a request. */
  readonly keepsEverything: boolean;
  /** Requests whose terminal has reached the disk. */
  readonly spilled: ReadonlySet<string>;
  readonly hung: boolean;
}

/** Something with a ledger, alive, dead or only silent. */
interface Coordinator {
  readonly process: Process;
  readonly ledger: Promise<Ledger>;
  /** Deeds that have begun and not ended. */
  running: number;
  /** What an earlier one left has been seen to; nothing is served before. */
  isReady: boolean;
}

/**
 * Plays one seed: deeds on a ledger whose process is killed, cut off and misled at its gates, then started again as often as it takes, and at last
 * left in peace until nothing moves. Everything is drawn from the seed, and one thing happens at a time, so that it can be played again.
 */
export async function playWorld(store: Store, seed: number): Promise<WorldOutcome> {
  const chance = chanceOf(seed);
  const cast = castOf(seed);
  const deeds = [...storyOf(cast, chance)];
  const told: Told[] = [];
  const log: string[] = [];
  const plan = planOf(chance);
  const spillAlways = chance.happens(0.5);
  let silent: Coordinator | undefined;
  const spilled = new Set<string>();
  let disk = new Disk(spilled);
  let wake: () => void = () => undefined;
  let generation = 0;
  let date_ms = START.getTime();
  let gates = 0;
  let kills = 0;
  let faults = 0;
  let steps = 0;
  let diskFailed = false;

  function start(): Coordinator {
    generation += 1;
    const process = new Process(`i${seed}-${generation}`, new Date(date_ms), () => wake());
    const own = wired(store, process, (requestId) => requestId.startsWith(`s${seed}-`));
    const ledger = createLedger({
      store: own,
      clock: process.clock,
      instanceId: process.id,
      spill: disk.file(process),
      random: () => 0.5,
      settings: { platformFeePercent: 10, deadInstances: "all_others", spillAlways },
    });
    return { process, ledger, running: 0, isReady: false };
  }

  function perform(coordinator: Coordinator, deed: Deed): Promise<void> {
    const { process, ledger } = coordinator;
    coordinator.running += 1;
    const done = ledger.then((open) =>
      deed(open, (word) => {
        if (!process.isDead) told.push(word);
      }),
    );
    return done.finally(() => {
      coordinator.running -= 1;
      wake();
    });
  }

  /** As a coordinator starts: if it cannot see to what an earlier one left, it stops. */
  function recover(coordinator: Coordinator): void {
    perform(coordinator, async (ledger) => void (await ledger.recover())).then(
      () => (coordinator.isReady = true),
      () => coordinator.process.die(),
    );
  }

  /** Lets everything run that waits for nobody outside. */
  async function turn(process: Process): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    // The server is beginning or committing a transaction: nothing else may happen before it has.
    while (process.open !== undefined && !process.isDead && passable(process).length === 0) {
      await new Promise<void>((resolve) => (wake = resolve));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async function pass(process: Process, gate: Gate, fate: Fate): Promise<void> {
    gates += 1;
    if (fate !== "done") faults += 1;
    if (gate.label === "spill" && (fate === "lost_before" || fate === "refused")) diskFailed = true;
    log.push(`${process.id} ${gate.label}: ${fate}`);
    await gate.pass(fate);
  }

  async function elapse(process: Process, delay_ms: number): Promise<void> {
    date_ms += delay_ms;
    log.push(`${process.id} ${delay_ms} ms pass`);
    await process.clock.advance(delay_ms);
  }

  /** One process, until it dies, or falls silent, or has done everything. True when it has. */
  async function live(coordinator: Coordinator): Promise<boolean> {
    const { process } = coordinator;
    recover(coordinator);
    while (steps++ < STEPS_MAX) {
      await turn(process);
      if (process.isDead) {
        kills += 1;
        return false;
      }
      const open = passable(process);
      const { running, isReady } = coordinator;
      const canBegin = isReady && process.open === undefined && deeds.length > 0 && running < DEEDS_AT_ONCE;
      if (silent === undefined && plan.silence === gates && process.open === undefined && plan.faultsLeft > 0) {
        log.push(`${process.id} falls silent`);
        silent = coordinator;
        disk = new Disk(spilled);
        return false;
      }
      if (canBegin && (open.length === 0 || chance.happens(0.4))) {
        const deed = deeds.shift();
        if (deed !== undefined)
          void perform(coordinator, deed).catch((error: unknown) => told.push({ about: "surprise", what: String(error) }));
      } else if (open.length > 0 && (process.open !== undefined || !chance.happens(0.1))) {
        const gate = chance.pick(open);
        await pass(process, gate, plan.fate(gates, gate.label));
      } else if (running > 0 || open.length > 0 || plan.waits > 0) {
        if (running === 0 && open.length === 0) plan.waits -= 1;
        await elapse(process, chance.pick([20, 150, 1_100, 6_500]));
      } else if (deeds.length === 0) return true;
    }
    return true;
  }

  /** From here on nothing goes wrong: what is open comes to its end. */
  async function inPeace(coordinator: Coordinator): Promise<void> {
    const { process } = coordinator;
    recover(coordinator);
    while (steps++ < STEPS_MAX) {
      await turn(process);
      const [gate] = passable(process);
      if (gate !== undefined) await pass(process, gate, "done");
      else if (coordinator.running > 0) await elapse(process, 1_000);
      else return;
    }
  }

  let coordinator = start();
  while (!(await live(coordinator))) coordinator = start();
  coordinator.process.die();
  plan.faultsLeft = 0;
  const last = start();
  await inPeace(last);
  if (silent !== undefined) {
    // Whoever was only silent wakes up, and goes on as if nothing had happened.
    const { process } = silent;
    for (let gate = passable(process)[0]; gate !== undefined && steps++ < STEPS_MAX; gate = passable(process)[0]) {
      await pass(process, gate, "done");
      await turn(process);
    }
    process.die();
    await inPeace(last);
  }
  last.process.die();
  return {
    seed,
    told,
    log,
    kills,
    faults,
    gates,
    spilled,
    keepsEverything: spillAlways && silent === undefined && !diskFailed,
    hung: steps >= STEPS_MAX,
  };
}

/** The statements of an open transaction come before all others, which may wait for its locks. */
function passable({ gates, open }: Process): Gate[] {
  return [...gates].filter(({ transaction }) => open === undefined || transaction === open);
}

interface Plan {
  faultsLeft: number;
  /** Times that the world lets some time pass although nobody waits. */
  waits: number;
  /** At which gate the process falls silent, if it does. */
  readonly silence: number | undefined;
  fate(gate: number, label: string): Fate;
}

/** Where this seed's processes are killed, cut off or misled. A few faults each: more would hide what one alone can do. */
function planOf(chance: Chance): Plan {
  const kills = Array.from({ length: chance.below(3) }, () => chance.below(14));
  const partition = chance.happens(0.2) ? chance.below(14) : undefined;
  const partitionGates = 1 + chance.below(6);
  // Some gates come late, or seldom: now and then one of them is aimed at.
  let aim: string | undefined = chance.happens(0.4)
    ? chance.pick(["spill", "ledger_settle", "clear spill", "commit", "ledger_attempt", "ledger_release"])
    : undefined;
  const errors = chance.happens(0.5) ? 0.15 : 0;
  return {
    faultsLeft: 6,
    waits: chance.below(3),
    silence: chance.happens(0.1) ? 2 + chance.below(10) : undefined,
    fate(gate, label) {
      if (this.faultsLeft <= 0) return "done";
      const fate = fateAt(gate, label);
      if (fate !== "done") this.faultsLeft -= 1;
      return fate;
    },
  };

  function fateAt(gate: number, label: string): Fate {
    if (label === aim) {
      aim = undefined;
      return chance.pick(["dies_before", "dies_after"]);
    }
    if (kills.includes(gate)) return chance.pick(["dies_before", "dies_after"]);
    if (partition !== undefined && gate >= partition && gate < partition + partitionGates)
      return chance.pick(["lost_before", "lost_after"]);
    return chance.happens(errors) ? chance.pick(["lost_before", "lost_after", "refused"]) : "done";
  }
}
