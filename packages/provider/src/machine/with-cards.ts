import type { Hardware } from "@umbel/protocol";

/** What vendors say of themselves and of the kind of thing it is. */
const FILLER = /\((?:r|tm)\)|\b(?:nvidia|geforce|amd|radeon|intel|graphics|gpu|corporation)\b/gi;

/** Facts of a machine with the cards that its engine computes with: where there are some, they decide its speed, and so with which machines it is compared. */
export function withCards(hardware: Hardware, cards: Hardware["gpus"]): Hardware {
  const [first] = cards;
  return first === undefined ? hardware : { ...hardware, gpus: cards, compute_class: cardClass(first.name) };
}

/** `NVIDIA GeForce RTX 4090` is `rtx-4090`. */
function cardClass(name: string): string {
  const words = name
    .replaceAll(FILLER, " ")
    .toLowerCase()
    .replaceAll(/[^0-9a-z]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
  return words === "" ? "gpu" : words;
}
