/** One promotion or return of a version, as the history has it. */
export interface Activation {
  readonly version: bigint;
  readonly weightHash: string;
  readonly at: Date;
  readonly isRevoked: boolean;
}

/**
 * Weights of a build that were replaced so lately that machines may still be fetching the new ones: requests go to them, too. A version that
 * was put into service for a second time was gone back to because of those in between, which get no such time. Source: catalog.md §11.
 *
 * @param activations of one build, the latest first, which is what is in service
 * @param since when a version must have been in service
 */
export function formerWeights(activations: readonly Activation[], since: Date): readonly string[] {
  const [present] = activations;
  if (present === undefined || activations.some(({ version }, at) => at > 0 && version === present.version)) return [];
  const former = activations.filter((activation, at) => {
    const next = activations[at - 1];
    return next !== undefined && next.at > since && !activation.isRevoked && activation.weightHash !== present.weightHash;
  });
  return [...new Set(former.map(({ weightHash }) => weightHash))];
}
