import { ManifestError } from "./errors.js";

const splitPart = /^(?<name>.*)-(?<index>\d{5})-of-(?<total>\d{5})\.gguf$/;

/**
 * Checks that every split weight (`…-00001-of-00003.gguf`) has all of its parts, numbered from 1.
 *
 * @throws ManifestError `split_incomplete`, naming a part that is present
 */
export function assertCompleteSplits(paths: readonly string[]): void {
  const sets = new Map<string, { path: string; total: number; indexes: Set<number> }>();
  for (const path of paths) {
    const { name, index, total } = splitPart.exec(path)?.groups ?? {};
    if (name === undefined || index === undefined || total === undefined) continue;
    const key = `${name}/${total}`;
    const set = sets.get(key) ?? { path, total: Number(total), indexes: new Set() };
    sets.set(key, set);
    set.indexes.add(Number(index));
  }
  for (const { path, total, indexes } of sets.values()) {
    const isComplete = indexes.size === total && [...indexes].every((index) => index >= 1 && index <= total);
    if (!isComplete) throw new ManifestError("split_incomplete", path);
  }
}
