/**
 * Where requests of one placement go among machines: highest random weight (Thaler and Ravishankar, 1998). The same of the same machines
 * whenever it is asked, and another one only for those whose machine has left.
 *
 * @returns the place of the machine in the list; 0 for none
 */
export function rendezvousPlace(placement: string, machineIds: readonly string[]): number {
  let place = 0;
  let most = -1;
  for (const [index, machineId] of machineIds.entries()) {
    const weight = hash32(`${placement} ${machineId}`);
    if (weight > most) {
      most = weight;
      place = index;
    }
  }
  return place;
}

/** A number in [0, 1) that stands for the placement wherever dice would be thrown. */
export function placementFraction(placement: string): number {
  return hash32(placement) / 2 ** 32;
}

/** FNV-1a over UTF-16 units with MurmurHash3's finaliser: spreads well, and is no secret. */
function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
