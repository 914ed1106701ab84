import type { ProviderView, RequestSpec, RoutingContext } from "../types.js";
import { Cell } from "./cell.js";
import { type BuildFacts, buildFacts, leastSpec, type MachineFacts, machineFacts } from "./facts.js";
import { Shelf, type Standing } from "./shelf.js";

/** The machines that advertise one build, sorted by what any request for it would meet. */
export class BuildIndex {
  readonly shelves = new Map<string, Shelf>();
  readonly #cells = new Map<string, Cell>();
  #least: RequestSpec;

  constructor(build: string) {
    this.#least = leastSpec(build, "");
  }

  get size(): number {
    return this.#cells.size;
  }

  cell(providerId: string): Cell | undefined {
    return this.#cells.get(providerId);
  }

  *views(): Iterable<ProviderView> {
    for (const { view } of this.#cells.values()) yield view;
  }

  set(view: ProviderView, machine: MachineFacts, context: RoutingContext): void {
    const facts = buildFacts(view, machine, this.#least, context);
    const code = shelfCode(view, machine, facts);
    let cell = this.#cells.get(view.id);
    if (cell === undefined) {
      cell = new Cell(view);
      this.#cells.set(view.id, cell);
    } else {
      const { shelf } = cell;
      cell.view = view;
      if (shelf?.code === code && shelf.keep(cell, facts)) return;
      this.#takeOut(cell);
    }
    this.#shelfFor(code, view, machine, facts).add(cell, facts);
  }

  remove(providerId: string): void {
    const cell = this.#cells.get(providerId);
    if (cell === undefined) return;
    this.#cells.delete(providerId);
    this.#takeOut(cell);
  }

  /**
   * Goes by the weights that the catalogue names, which a request brings. O(n) when they are others than those of the request before,
   * which is when a catalogue has changed.
   */
  expect(weightHash: string, context: RoutingContext): void {
    if (weightHash === this.#least.weightHash) return;
    this.#least = leastSpec(this.#least.build, weightHash);
    for (const view of [...this.views()]) this.set(view, machineFacts(view, context), context);
  }

  #takeOut(cell: Cell): void {
    const { shelf } = cell;
    shelf?.remove(cell);
    if (shelf?.size === 0) this.shelves.delete(shelf.code);
  }

  #shelfFor(code: string, view: ProviderView, { resting }: MachineFacts, facts: BuildFacts): Shelf {
    const known = this.shelves.get(code);
    if (known !== undefined) return known;
    const { refusal, tools, vision, restsBase, restsTools, contextLength_tokens, bearable } = facts;
    const version = view.version;
    const standing: Standing = { refusal, resting, tools, vision, restsBase, restsTools, contextLength_tokens, bearable, version };
    const shelf = new Shelf(code, standing);
    this.shelves.set(code, shelf);
    return shelf;
  }
}

/** Names the shelf that a machine's cell belongs on. */
function shelfCode(view: ProviderView, { resting }: MachineFacts, facts: BuildFacts): string {
  const rests = (facts.restsBase ? 32 : 0) + (facts.restsTools ? 16 : 0);
  const flags = rests + (resting ? 8 : 0) + (facts.tools ? 4 : 0) + (facts.vision ? 2 : 0) + (facts.bearable ? 1 : 0);
  return `${facts.refusal ?? ""} ${flags} ${facts.contextLength_tokens} ${view.version}`;
}
