/**
 * The grouping key under which rates of like machines are compared, e.g. `cpu-avx2` or `apple-m4-max`. Only what decides speed enters it.
 *
 * @param chip.cpuinfo contents of `/proc/cpuinfo`, where there is one
 */
export function computeClass(chip: {
  readonly platform: string;
  readonly arch: string;
  readonly name: string;
  readonly cpuinfo: string | undefined;
}): string {
  const apple = /\bApple (M\d+)(?: (Pro|Max|Ultra))?/.exec(chip.name);
  if (chip.platform === "darwin" && apple !== null) return `apple-${apple.slice(1).filter(Boolean).join("-").toLowerCase()}`;
  if (chip.arch !== "x64") return `cpu-${chip.arch}`;
  const flags = new Set(/^flags\s*:(.*)$/m.exec(chip.cpuinfo ?? "")?.[1]?.split(" "));
  const best = ["avx512f", "avx2", "avx", "sse4_2"].find((flag) => flags.has(flag));
  return best === undefined ? "cpu-x64" : `cpu-${best.replace("avx512f", "avx512").replace("sse4_2", "sse42")}`;
}
