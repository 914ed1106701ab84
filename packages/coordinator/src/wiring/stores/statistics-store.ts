import type { StatisticsStore } from "../../insight/index.js";
import { type Store, statisticsRepository } from "../../store/index.js";

/** Sums over settled rows in the database. */
export function createStatisticsStore({ db }: Pick<Store, "db">): StatisticsStore {
  return {
    usageTotals: () => statisticsRepository.usageTotals(db),
    usageMinutes: (since) => statisticsRepository.usageMinutes(db, since),
    leaders: (metric, since, limit) => statisticsRepository.leaders(db, metric, since, limit),
    earningTotals: (since) => statisticsRepository.earningTotals(db, since),
    unlisted: () => statisticsRepository.unlisted(db),
    isListed: (accountId) => statisticsRepository.isListed(db, accountId),
    setListed: (accountId, listed) => statisticsRepository.setListed(db, accountId, listed),
  };
}
