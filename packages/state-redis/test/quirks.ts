import type { StateStoreQuirks } from '@outrigger/conformance/state';

/** Dapr's etags are numbers that count an item's writes, and guard only what is there. */
export const quirks = {
  impossibleEtag: 'not-a-number',
  foreignEtag: '987654321',
  repeatsEtags: true,
  etagMakesItem: true,
} satisfies StateStoreQuirks;
