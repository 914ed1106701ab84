import type { ErrorClass } from "@umbel/protocol";
import { type DeviceMemory, type LoadShape, type Memory, memoryOf, noMemory, sum } from "../engine/memory.js";
import { type LoadContext, wantedShape } from "./load-model.js";
import { type Entry, LoadError } from "./resident-entry.js";
import {
  afterPuttingAway,
  fittingShape,
  freeForLoad_bytes,
  lacks,
  type MachineMemory,
  type Residents,
  type Room,
  type RoomLimits,
  withoutIdle,
} from "./room.js";

interface LoadRoomParts {
  readonly engine: LoadContext["engine"];
  readonly limits: RoomLimits;
  /** Models that may be asked for, in memory or not. */
  readonly offered: () => readonly Entry[];
  /** Models that are not offered any more, and still in memory. */
  readonly leaving: () => readonly Entry[];
  readonly putAway: (entry: Entry) => Promise<void>;
}

/** How a load finds room in memory: beside what is there, in the place of what is idle, or in a smaller shape. */
export class LoadRoom {
  readonly #parts: LoadRoomParts;
  /** As it was before the last load. */
  #device: DeviceMemory | undefined;

  constructor(parts: LoadRoomParts) {
    this.#parts = parts;
  }

  /** What a load may take, idle models put away first; undefined where that is not known. */
  freeForLoad_bytes(): number | undefined {
    return freeForLoad_bytes(this.#residents(), this.#room());
  }

  /** Why a load of the model would certainly find no room; undefined when it may. */
  refusalOf(entry: Entry): ErrorClass | undefined {
    const residents = this.#residents();
    const room = afterPuttingAway(residents, this.#room());
    if (fittingShape(entry.need, wantedShape(entry.model), withoutIdle(residents), room) !== undefined) return undefined;
    // What is at work will end, and then there may be room.
    return residents.idleCount < residents.count ? "capacity_slots" : "load_failed_memory";
  }

  /**
   * Puts idle models away until the model fits as it should be; where that is not enough, it is given a smaller shape.
   *
   * @param evict builds to begin with
   */
  async make(entry: Entry, evict: readonly string[]): Promise<LoadShape> {
    const wanted = wantedShape(entry.model);
    for (;;) {
      await this.#lookAtDevice();
      const [residents, room] = [this.#residents(), this.#room()];
      const lacking = lacks(memoryOf(entry.need, wanted), residents, room);
      if (lacking === undefined) return wanted;
      const victim = this.victim(evict);
      if (victim !== undefined) {
        await this.#parts.putAway(victim);
        continue;
      }
      if (lacking === "slot") throw new LoadError("slot_cap", "capacity_slots");
      const smaller = fittingShape(entry.need, wanted, residents, room);
      if (smaller !== undefined) return smaller;
      throw new LoadError("insufficient_memory", residents.count > 0 ? "capacity_slots" : "load_failed_memory");
    }
  }

  /** How a model may come into memory at the start: as it should be beside others, and in a smaller shape when it is the first. */
  async shapeBeside(entry: Entry): Promise<LoadShape | undefined> {
    await this.#lookAtDevice();
    const [residents, room, wanted] = [this.#residents(), this.#room(), wantedShape(entry.model)];
    if (residents.count === 0) return fittingShape(entry.need, wanted, residents, room);
    return lacks(memoryOf(entry.need, wanted), residents, room) === undefined ? wanted : undefined;
  }

  async #lookAtDevice(): Promise<void> {
    this.#device = await this.#parts.engine.deviceMemory();
  }

  #room(): Room {
    return { ...this.#parts.limits, device: this.#device };
  }

  victim(evict: readonly string[]): Entry | undefined {
    const rank = ({ info }: Entry): number => (evict.includes(info.id) ? evict.indexOf(info.id) : evict.length);
    return this.#parts
      .offered()
      .filter(({ served, users }) => served !== undefined && users === 0)
      .sort((a, b) => rank(a) - rank(b) || a.usedAt_ms - b.usedAt_ms)[0];
  }

  /** What is in memory now may leave; what the machine could never hold must not displace what it can. */
  async couldHold({ need, model }: Entry): Promise<boolean> {
    await this.#lookAtDevice();
    const { limits } = this.#parts;
    // How a model is divided between two memories is decided when it is loaded.
    if (this.#device?.isUnified === false) return true;
    const emptied = (): MachineMemory | undefined => {
      const machine = limits.machine();
      return machine === undefined ? undefined : { ...machine, available_bytes: machine.total_bytes };
    };
    const nothing: Residents = { count: 0, idleCount: 0, memory: noMemory, idleMemory: noMemory };
    return fittingShape(need, wantedShape(model), nothing, { ...limits, machine: emptied, device: undefined }) !== undefined;
  }

  #residents(): Residents {
    const residents = [...this.#parts.offered(), ...this.#parts.leaving()].filter(({ served }) => served !== undefined);
    const idle = residents.filter(({ users }) => users === 0);
    const memoryOfAll = (entries: readonly Entry[]): Memory => sum(...entries.map(({ memory }) => memory));
    return { count: residents.length, idleCount: idle.length, memory: memoryOfAll(residents), idleMemory: memoryOfAll(idle) };
  }
}
