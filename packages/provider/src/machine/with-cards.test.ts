import type { Hardware } from "@umbel/protocol";
import { expect, it } from "vitest";
import { withCards } from "./with-cards.js";

const hardware: Hardware = {
  ...{ platform: "linux", arch: "x64", os_version: "6", chip_name: "EPYC", compute_class: "cpu-avx2", memory_gb: 64, cpu_cores: 16 },
  gpus: [],
};
const card = (name: string): Hardware["gpus"][number] => ({ name, api: "cuda", vram_gb: 24 });

it.each([
  ["NVIDIA GeForce RTX 4090", "rtx-4090"],
  ["AMD Radeon RX 7900 XTX", "rx-7900-xtx"],
  ["Intel(R) Arc(TM) A770 Graphics", "arc-a770"],
  ["NVIDIA A100-SXM4-80GB", "a100-sxm4-80gb"],
  ["GPU", "gpu"],
])("compares a machine with a %s as %s", (name, compute_class) => {
  expect(withCards(hardware, [card(name), card("other")])).toMatchObject({
    compute_class,
    gpus: [{ name, vram_gb: 24 }, { name: "other" }],
  });
});

it("leaves a machine that computes without a card as it is", () => expect(withCards(hardware, [])).toBe(hardware));
