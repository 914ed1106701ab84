import { dedicatedExcluded } from "../gates/dedicated-excluded.js";
import type { Gate } from "../gates/gate.js";
import { notInCatalog } from "../gates/not-in-catalog.js";
import type { BuildMemory, ProviderView, RefusalReason, RequestSpec, RoutingContext } from "../types.js";
import { Cell, type Machine } from "./cell.js";
import { type BuildFacts, buildFacts, leastSpec, type MachineFacts, machineFacts, offerFacts } from "./facts.js";
import type { Shelf } from "./shelf.js";
import { Shelves } from "./shelves.js";

/** Gates that go by what the catalogue says of a build. */
const CATALOG_GATES: readonly Gate[] = [notInCatalog, dedicatedExcluded];

/** The machines that advertise one build, sorted by what any request for it would meet. */
export class BuildIndex {
  readonly shelves = new Shelves();
  readonly #cells: Cell[] = [];
  #least: RequestSpec;

  constructor(build: string) {
    this.#least = leastSpec(build, { weightHash: "" });
  }

  get build(): string {
    return this.#least.build;
  }

  get size(): number {
    return this.#cells.length;
  }

  *views(): Iterable<ProviderView> {
    for (const { view } of this.#cells) yield view;
  }

  /** Of the machines that none of these gates is known to refuse whatever is asked: those first that no gate refuses. */
  *viewsPast(reasons: readonly RefusalReason[]): Iterable<ProviderView> {
    const isPast = ({ standing: { refusal } }: Shelf): boolean => refusal === undefined || !reasons.includes(refusal);
    const past = this.shelves.list.filter(isPast);
    if (past.length === 0) return;
    for (const { lanes } of past) {
      for (const { drawers } of lanes.list) {
        const first = drawers.list[0]?.at(0);
        if (first !== undefined) yield first.view;
      }
    }
    for (const { shelf, view } of this.#cells) if (shelf !== undefined && isPast(shelf)) yield view;
  }

  add(machine: Machine, facts: MachineFacts, context: RoutingContext): Cell {
    const cell = new Cell(machine, this);
    cell.position = this.#cells.length;
    this.#cells.push(cell);
    this.update(cell, facts, context);
    return cell;
  }

  /** After the machine's view has changed. Where it costs more than before it stays, since a bound that is too low is one. */
  update(cell: Cell, machine: MachineFacts, context: RoutingContext): void {
    this.#put(cell, machine, context, bounded);
  }

  /** Puts it exactly where it belongs. */
  settle(cell: Cell, machine: MachineFacts, context: RoutingContext): void {
    this.#put(cell, machine, context, kept);
  }

  #put(cell: Cell, machine: MachineFacts, context: RoutingContext, stays: (shelf: Shelf, cell: Cell, facts: BuildFacts) => boolean): void {
    const { view, shelf } = cell;
    // Every cell's offer is that of its shelf, until the catalogue changes.
    const offer = shelf?.standing.offer ?? this.shelves.shared(offerFacts(view, this.#least, context));
    const facts = buildFacts(view, machine, offer, this.#least, context);
    if (shelf?.isFor(view, machine, offer, facts) === true && stays(shelf, cell, facts)) return;
    this.#takeOut(cell);
    this.shelves.for(view, machine, offer, facts).add(cell, facts);
  }

  remove(cell: Cell): void {
    this.#takeOut(cell);
    const last = this.#cells.pop();
    if (last === undefined || last === cell) return;
    this.#cells[cell.position] = last;
    last.position = cell.position;
  }

  /**
   * Goes by what the catalogue says of the build, which a request brings. O(n) when that is something else than with the request before,
   * which is when the catalogue has changed.
   */
  expect(spec: RequestSpec, context: RoutingContext): void {
    const before = this.#least;
    const isAsBig = isSameMemory(spec.memory, before.memory);
    const isSameWeights = spec.weightHash === before.weightHash && spec.formerHashes === before.formerHashes;
    if (isSameWeights && spec.dedicated === before.dedicated && isAsBig) return;
    this.#least = leastSpec(before.build, spec);
    for (const cell of this.#cells) {
      // Most machines are in the catalogue's good books after as before.
      const isSame =
        isAsBig && CATALOG_GATES.every(({ refuses }) => refuses(cell.view, before, context) === refuses(cell.view, this.#least, context));
      if (isSame) continue;
      this.#takeOut(cell);
      this.update(cell, machineFacts(cell.view, context), context);
    }
  }

  #takeOut(cell: Cell): void {
    const { shelf } = cell;
    if (shelf === undefined) return;
    shelf.remove(cell);
    if (shelf.size === 0) this.shelves.drop(shelf);
  }
}

const bounded = (shelf: Shelf, cell: Cell, facts: BuildFacts): boolean => shelf.bounds(cell, facts) || shelf.keep(cell, facts);
const kept = (shelf: Shelf, cell: Cell, facts: BuildFacts): boolean => shelf.keep(cell, facts);

function isSameMemory(a: BuildMemory | undefined, b: BuildMemory | undefined): boolean {
  if (a === b || a === undefined || b === undefined) return a === b;
  const isAsLarge = a.resident_bytes === b.resident_bytes && a.active_bytes === b.active_bytes;
  return isAsLarge && a.minRam_gb === b.minRam_gb && a.minVram_gb === b.minVram_gb;
}
