/** A piece of an answer. Texts of one kind that follow each other belong together. */
export type Segment =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "reasoning"; readonly text: string }
  /** `id` and `name` come with the first segment of a call, which may be split in several. */
  | { readonly type: "tool_call"; readonly index: number; readonly id?: string; readonly name?: string; readonly arguments: string };

/** One stage of taking an answer apart. However a text is split over the calls, the joined segments are the same. */
export interface Stage {
  push(text: string): Segment[];
  /** What was held back, once nothing follows. */
  end(): Segment[];
}
