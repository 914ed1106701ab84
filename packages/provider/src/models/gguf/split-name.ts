import { GGUF_LIMITS } from "./limits.js";

/** A part of a model that is stored in several files: `<stem>-00001-of-00003.gguf`. */
export interface SplitName {
  readonly stem: string;
  /** From 1. */
  readonly part: number;
  readonly parts: number;
}

const pattern = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/i;

/** @param name last segment of a path, or a whole path. Undefined for a file that is whole by itself */
export function splitName(name: string): SplitName | undefined {
  const [, stem, partText, partsText] = pattern.exec(name) ?? [];
  const part = Number(partText);
  const parts = Number(partsText);
  if (stem === undefined || !(part >= 1) || part > parts || parts > GGUF_LIMITS.splits_max) return undefined;
  return { stem, part, parts };
}

/** Names of all parts, in order. */
export function partNames({ stem, parts }: SplitName): string[] {
  const digits = (number: number): string => String(number).padStart(5, "0");
  return Array.from({ length: parts }, (_, index) => `${stem}-${digits(index + 1)}-of-${digits(parts)}.gguf`);
}
