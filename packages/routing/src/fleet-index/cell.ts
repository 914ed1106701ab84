import type { ProviderView } from "../types.js";
import type { BuildFacts } from "./facts.js";
import type { Drawer, Lane, Shelf } from "./shelf.js";

/** One build of one machine in the index. */
export class Cell {
  /** Where it lies in its lane's and in its drawer's heap. */
  lanePosition = -1;
  drawerPosition = -1;
  shelf: Shelf | undefined;
  /** Both absent while a standing gate refuses every request. */
  lane: Lane | undefined;
  drawer: Drawer | undefined;

  /** The least that any request costs here, in milliseconds. */
  cost_ms = 0;
  decode_tps = 0;
  prefill_tps = 0;
  room_tokens = 0;

  constructor(public view: ProviderView) {}

  learn(facts: BuildFacts): void {
    this.cost_ms = facts.cost_ms;
    this.decode_tps = facts.decode_tps;
    this.prefill_tps = facts.prefill_tps;
    this.room_tokens = facts.room_tokens;
  }
}
