import type { Heartbeat, Register } from "@umbel/protocol";

/** The most that is believed of what a machine says of its speed: whoever claims more gets no more traffic for it (routing.md §1.1). */
export interface Ceilings {
  readonly decode_tps: number;
  readonly prefill_tps: number;
  readonly memoryBandwidth_gbs: number;
}

export function believedRegister(register: Register, ceilings: Ceilings): Register {
  const { hardware, decode_tps, prefill_tps } = register;
  const { memory_bandwidth_gbs: bandwidth_gbs } = hardware;
  return {
    ...register,
    decode_tps: Math.min(decode_tps, ceilings.decode_tps),
    prefill_tps: Math.min(prefill_tps, ceilings.prefill_tps),
    ...(bandwidth_gbs === undefined
      ? {}
      : { hardware: { ...hardware, memory_bandwidth_gbs: Math.min(bandwidth_gbs, ceilings.memoryBandwidth_gbs) } }),
  };
}

/** A rate of reading beyond its ceiling counts as not measured: rubbish never becomes a good value. */
export function believedHeartbeat(heartbeat: Heartbeat, ceilings: Ceilings): Heartbeat {
  const { capacity } = heartbeat;
  const isBelieved = (capacity?.slots ?? []).every(
    ({ observed_decode_tps: decode_tps = 0, observed_prefill_tps: prefill_tps = 0 }) =>
      decode_tps <= ceilings.decode_tps && prefill_tps <= ceilings.prefill_tps,
  );
  if (capacity === undefined || isBelieved) return heartbeat;
  const slots = capacity.slots.map((slot) => {
    const { observed_decode_tps: decode_tps, observed_prefill_tps: prefill_tps } = slot;
    return {
      ...slot,
      observed_decode_tps: decode_tps === undefined ? undefined : Math.min(decode_tps, ceilings.decode_tps),
      observed_prefill_tps: prefill_tps !== undefined && prefill_tps > ceilings.prefill_tps ? undefined : prefill_tps,
    };
  });
  return { ...heartbeat, capacity: { ...capacity, slots } };
}
