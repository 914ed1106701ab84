import { BUILD, builds, buildView, NOW_MS, OTHER_BUILD, providerView, routingContext, slots, slotView } from "../../testing/fixtures.js";
import type { ProviderView } from "../../types.js";
import { createWarmPlanner, type WarmCommand, type WarmEvent, type WarmPlan } from "../planner.js";
import type { WarmSettings } from "../settings.js";

/** A machine that offers two builds of 1 GiB, has room for `room` of them, and holds none. */
export function coldMachine(id: string, change: Partial<ProviderView> = {}): ProviderView {
  return providerView({
    ...{ id, slots: slots(), builds: builds(buildView(), buildView({ build: OTHER_BUILD })) },
    ...{ staticDecode_tps: 50, freeForLoad_gb: 1.5, residentModels_max: 1 },
    ...change,
  });
}

/** Machines that do what they are told after `load_ms`, and a planner that is asked every ten seconds. */
export class World {
  readonly views = new Map<string, ProviderView>();
  readonly planner;
  readonly commands: WarmCommand[] = [];
  now_ms = NOW_MS;
  pendingLoads_max = 0;
  readonly #load_ms: number;
  readonly #loading = new Map<string, { build: string; evict: readonly string[]; at_ms: number }>();

  constructor(machines: readonly ProviderView[], settings: Partial<WarmSettings> = {}, load_ms = 5_000) {
    for (const machine of machines) this.views.set(machine.id, machine);
    this.planner = createWarmPlanner(settings);
    this.#load_ms = load_ms;
  }

  get(providerId: string): ProviderView | undefined {
    return this.views.get(providerId);
  }

  *allOffering(build: string): Iterable<ProviderView> {
    for (const view of this.views.values()) if (view.builds.has(build)) yield view;
  }

  tell(...events: WarmEvent[]): void {
    for (const event of events) this.planner.record(event, this.now_ms);
  }

  plan(): WarmPlan {
    const fleet = { get: (id: string) => this.get(id), views: (build: string) => this.allOffering(build) };
    return this.planner.plan(fleet, routingContext({ now_ms: this.now_ms, challengeFreshness_ms: Number.POSITIVE_INFINITY }));
  }

  /** One plan, carried out, and ten seconds. `events` happen once a second. */
  tick(...events: WarmEvent[]): readonly WarmCommand[] {
    const { commands } = this.plan();
    for (const command of commands) this.#obey(command);
    this.commands.push(...commands);
    this.pendingLoads_max = Math.max(this.pendingLoads_max, this.planner.pendingLoads.length);
    for (let second = 0; second < 10; second++) {
      this.now_ms += 1000;
      this.tell(...events);
      this.#load();
    }
    return commands;
  }

  copies(build: string = BUILD): number {
    return [...this.views.values()].filter((view) => view.slots?.has(build)).length;
  }

  #obey(command: WarmCommand): void {
    const { providerId, build } = command;
    if (command.type === "load") this.#loading.set(providerId, { build, evict: command.evict, at_ms: this.now_ms + this.#load_ms });
    else this.#change(providerId, (resident) => resident.delete(build));
  }

  #load(): void {
    for (const [providerId, { build, evict, at_ms }] of this.#loading) {
      if (this.now_ms < at_ms) continue;
      this.#loading.delete(providerId);
      this.#change(providerId, (resident) => {
        for (const victim of evict) resident.delete(victim);
        resident.set(build, slotView({ build }));
      });
      this.tell({ type: "load_succeeded", providerId, build });
    }
  }

  #change(providerId: string, change: (resident: Map<string, ReturnType<typeof slotView>>) => void): void {
    const view = this.views.get(providerId);
    if (view === undefined) return;
    const resident = new Map(view.slots);
    change(resident);
    this.views.set(providerId, { ...view, slots: resident });
  }
}
