import type { Store } from "../../../store/index.js";
import { type Cast, castOf } from "./cast.js";
import { chanceOf } from "./chance.js";
import { Disk } from "./disk.js";
import { CHORES, type Chore, movementStory } from "./movements/movement-story.js";
import { Outside } from "./movements/outside.js";
import { clean, isOver, untruths } from "./movements/truth.js";
import { planOf, type WorldKind } from "./plan.js";
import { type Fate, type Gate, Process } from "./process.js";
import { openServices } from "./services.js";
import { type Deed, requestStory, type Scene, type Services, type Told } from "./story.js";
import { wired } from "./wire.js";

const START = new Date("2026-03-02T12:00:00Z");
/** Nothing that is right takes so many steps; a world that does has hung. */
const STEPS_MAX: Readonly<Record<WorldKind, number>> = { requests: 2_000, movements: 8_000 };
const DEEDS_AT_ONCE = 2;
/** How long nothing may happen at a time. */
const PAUSES_ms: Readonly<Record<WorldKind, readonly number[]>> = {
  requests: [20, 150, 1_100, 6_500],
  movements: [20, 1_100, 12_000, 65_000, 6 * 60_000, 3_700_000],
};
/** How often some time passes although something could happen. */
const IDLENESS: Readonly<Record<WorldKind, number>> = { requests: 0.1, movements: 0.03 };
/** From here on only the calendar moves: what waits for a timer has long been done. */
const LONG_ms = 60_000;
/** In peace, between two looks at what is left to do, and how often: an erasure is put off by days, and a bank returns money after many. */
const PEACE_ms = 26 * 3_600_000;
const ROUNDS_MAX = 24;

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
  /** Of a world of movements: what the books say and is not so outside. */
  readonly untrue: readonly string[];
}

/** Something that moves money, alive, dead or only silent. */
interface Coordinator {
  readonly process: Process;
  readonly opening: Promise<Services>;
  services: Services | undefined;
  /** When it did last what it does by itself, and what of that is under way. */
  readonly done: Map<Chore, number>;
  readonly chores: Set<Chore>;
  /** Deeds that have begun and not ended. */
  running: number;
  /** What an earlier one left has been seen to; nothing is served before. */
  isReady: boolean;
}

/**
 * Plays one seed: deeds on books whose process is killed, cut off and misled at its gates, then started again as often as it takes, and at last
 * left in peace until nothing moves. Everything is drawn from the seed, and one thing happens at a time, so that it can be played again.
 */
export async function playWorld(store: Store, seed: number, kind: WorldKind): Promise<WorldOutcome> {
  const chance = chanceOf(seed);
  const cast = castOf(seed);
  const outside = new Outside(chance, { date: () => new Date(date_ms) }, cast);
  const deeds: Scene[] = [...(kind === "requests" ? requestStory(cast, chance) : movementStory(cast, chance, outside))];
  const told: Told[] = [];
  const log: string[] = [];
  const plan = planOf(kind, chance);
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
    const opening = openServices({ store: own, process, spill: disk.file(process), spillAlways, chance, outside });
    const coordinator: Coordinator = {
      process,
      opening,
      services: undefined,
      done: new Map(CHORES.map((chore) => [chore, date_ms])),
      chores: new Set(),
      running: 0,
      isReady: false,
    };
    opening.then(
      (services) => (coordinator.services = services),
      () => undefined,
    );
    return coordinator;
  }

  function perform(coordinator: Coordinator, deed: Deed): Promise<void> {
    const { process, opening } = coordinator;
    coordinator.running += 1;
    const done = opening.then((services) =>
      deed(services, (word) => {
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
    perform(coordinator, async ({ ledger }) => void (await ledger.recover())).then(
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

  async function elapse(coordinator: Coordinator, delay_ms: number): Promise<void> {
    const { process } = coordinator;
    date_ms += delay_ms;
    log.push(`${process.id} ${delay_ms} ms pass`);
    if (delay_ms >= LONG_ms) process.clock.suspend(delay_ms);
    else await process.clock.advance(delay_ms);
    if (kind === "requests") return;
    outside.pass();
    if (!coordinator.isReady) return;
    for (const chore of CHORES) if (date_ms - (coordinator.done.get(chore) ?? 0) >= chore.every_ms) runChore(coordinator, chore);
  }

  function runChore(coordinator: Coordinator, chore: Chore): void {
    const { done, chores } = coordinator;
    if (chores.has(chore)) return;
    done.set(chore, date_ms);
    chores.add(chore);
    begin(coordinator, async (services) => {
      await chore.run(services);
      chores.delete(chore);
    });
  }

  function begin(coordinator: Coordinator, deed: Deed): void {
    void perform(coordinator, deed).catch((error: unknown) => told.push({ about: "surprise", what: String(error) }));
  }

  /** What of the story, or from outside, comes next. */
  function nextScene({ services }: Coordinator): Scene | undefined {
    if (services !== undefined && kind === "movements" && (deeds.length === 0 || chance.happens(0.4))) {
      const event = outside.next(services);
      if (event !== undefined) return event;
    }
    return deeds.shift();
  }

  /** One process, until it dies, or falls silent, or has done everything. True when it has. */
  async function live(coordinator: Coordinator): Promise<boolean> {
    const { process } = coordinator;
    recover(coordinator);
    while (steps++ < STEPS_MAX[kind]) {
      await turn(process);
      if (process.isDead) {
        kills += 1;
        return false;
      }
      const open = passable(process);
      const { running, isReady, services } = coordinator;
      const hasNext = deeds.length > 0 || (kind === "movements" && services !== undefined && outside.isWaiting(services));
      const canBegin = isReady && process.open === undefined && hasNext && running < DEEDS_AT_ONCE;
      if (silent === undefined && plan.silence === gates && process.open === undefined && plan.faultsLeft > 0) {
        log.push(`${process.id} falls silent`);
        silent = coordinator;
        disk = new Disk(spilled);
        return false;
      }
      if (canBegin && (open.length === 0 || chance.happens(0.4))) {
        const scene = nextScene(coordinator);
        if (typeof scene === "number") await elapse(coordinator, scene);
        else if (scene !== undefined) begin(coordinator, scene);
      } else if (open.length > 0 && (process.open !== undefined || !chance.happens(IDLENESS[kind]))) {
        const gate = chance.pick(open);
        await pass(process, gate, plan.fate(gates, gate.label));
      } else if (running > 0 || open.length > 0 || plan.waits > 0) {
        if (running === 0 && open.length === 0) plan.waits -= 1;
        await elapse(coordinator, chance.pick(PAUSES_ms[kind]));
      } else if (!hasNext) return true;
    }
    return true;
  }

  /** Another process ends what was left; then whoever was only silent wakes up, and goes on as if nothing had happened. */
  async function end(sleeper: Coordinator | undefined): Promise<void> {
    const last = start();
    await inPeace(last);
    if (sleeper !== undefined) {
      const { process } = sleeper;
      for (let gate = passable(process)[0]; gate !== undefined && steps++ < STEPS_MAX[kind]; gate = passable(process)[0]) {
        await pass(process, gate, "done");
        await turn(process);
      }
      process.die();
      await inPeace(last);
    }
    last.process.die();
  }

  /** From here on nothing goes wrong: what is open comes to its end. */
  async function inPeace(coordinator: Coordinator): Promise<void> {
    recover(coordinator);
    await settle(coordinator);
    if (kind === "requests") return;
    for (let rounds = 0; rounds < ROUNDS_MAX; rounds += 1) {
      await elapse(coordinator, PEACE_ms);
      // What one chore leaves is the next one's: each has its turn, and then the first again.
      for (const chore of [...CHORES, ...CHORES.slice(0, 1)]) {
        runChore(coordinator, chore);
        await settle(coordinator);
      }
      for (let event = eventFor(coordinator); event !== undefined; event = eventFor(coordinator)) {
        begin(coordinator, event);
        await settle(coordinator);
      }
      // What never came is found by one look, and processed by the next.
      if (rounds >= (outside.hasLost ? 1 : 0) && (await isOver(store, cast, outside))) return;
    }
  }

  function eventFor({ services }: Coordinator): Deed | undefined {
    return services === undefined || steps >= STEPS_MAX[kind] ? undefined : outside.next(services);
  }

  /** Until nothing is under way. */
  async function settle(coordinator: Coordinator): Promise<void> {
    const { process } = coordinator;
    while (steps++ < STEPS_MAX[kind]) {
      await turn(process);
      const [gate] = passable(process);
      if (gate !== undefined) await pass(process, gate, "done");
      else if (coordinator.running > 0) await elapse(coordinator, 1_000);
      else return;
    }
  }

  let coordinator = start();
  while (!(await live(coordinator))) coordinator = start();
  coordinator.process.die();
  plan.faultsLeft = 0;
  if (kind === "movements" || silent !== undefined || disk.lines.length > 0 || (await isOpen(store, cast))) await end(silent);
  const untrue = kind === "requests" ? [] : await untruths(store, cast, outside, told);
  if (kind === "movements") await clean(store);
  return {
    seed,
    told,
    log,
    kills,
    faults,
    gates,
    spilled,
    keepsEverything: spillAlways && silent === undefined && !diskFailed,
    hung: steps >= STEPS_MAX[kind],
    untrue,
  };
}

/** Whether there is anything left to end; where there is not, another process would find nothing to do. */
async function isOpen({ client }: Store, cast: Cast): Promise<boolean> {
  const rows = await client`select 1 from reservations where account_id = ${cast.consumer} and state in ('held', 'parked') limit 1`;
  return rows.length > 0;
}

/** The statements of an open transaction come before all others, which may wait for its locks. */
function passable({ gates, open }: Process): Gate[] {
  return [...gates].filter(({ transaction }) => open === undefined || transaction === open);
}
