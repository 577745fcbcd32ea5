import type { BulkPublishEntry } from '@outrigger/core';
import { expect } from 'vitest';
import type { PubSubCase, SetUp } from './case.ts';
import { never } from '../within.ts';
import { firsts, texts, unique } from './names.ts';

function entriesOf(all: readonly string[], setUp: SetUp): BulkPublishEntry[] {
  return all.map((text, index) => ({
    entryId: String(index),
    data: Buffer.from(text),
    contentType: 'text/plain',
    metadata: { ...setUp.ordered, index: String(index) },
  }));
}

const oneByOne = 'the component publishes one by one';

export const bulkPublishCases: readonly PubSubCase[] = [
  {
    title: 'a bulk publish answers each entry, delivers all, and in their order where there is one',
    async run(setUp, skip) {
      await using pubSub = await setUp.create();
      if (!pubSub.publishMany) return skip(oneByOne);
      const topic = unique('bulk');
      const inbox = setUp.inbox();
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      // more than any broker takes in one request
      const all = texts(250);
      const outcomes = await pubSub.publishMany({ topic, entries: entriesOf(all, setUp), metadata: {} }, never);
      expect(outcomes.map(({ ok }) => ok)).toEqual(all.map(() => true));
      await inbox.hasHandled(all);
      if (setUp.unordered) return;
      expect(firsts(inbox.handedTexts)).toEqual(all);
    },
  },
  {
    title: 'metadata of the entries of a bulk publish reaches the subscriber',
    unless: ({ quirks }) => quirks.losesMetadata && 'the broker carries no metadata',
    async run(setUp, skip) {
      await using pubSub = await setUp.create();
      if (!pubSub.publishMany) return skip(oneByOne);
      const topic = unique('bulk');
      const inbox = setUp.inbox();
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      const all = texts(3);
      await pubSub.publishMany({ topic, entries: entriesOf(all, setUp), metadata: {} }, never);
      await inbox.hasHandled(all);
      const seen = inbox.handed.map(({ metadata }, index) => `${inbox.handedTexts[index]}: ${metadata['index']}`);
      expect(seen.toSorted()).toEqual(all.map((text, index) => `${text}: ${index}`));
    },
  },
  {
    title: 'an entry that the broker refuses fails alone, and its outcome stands in its place',
    unless: ({ quirks }) => !quirks.refusedEntry && 'the set-up knows no entry that the broker would refuse',
    async run(setUp, skip) {
      await using pubSub = await setUp.create();
      if (!pubSub.publishMany) return skip(oneByOne);
      const topic = unique('partly');
      const inbox = setUp.inbox();
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never);
      const all = texts(5);
      const entries = entriesOf(all, setUp).map((entry, index) =>
        index === 2 ? { ...entry, ...setUp.quirks.refusedEntry?.() } : entry,
      );
      const outcomes = await pubSub.publishMany({ topic, entries, metadata: {} }, never);
      expect(outcomes.map(({ ok }) => ok)).toEqual([true, true, false, true, true]);
      await inbox.hasHandled(all.filter((_text, index) => index !== 2));
      expect(inbox.handed).toHaveLength(4);
    },
  },
  {
    title: 'a bulk publish of nothing, one that is aborted already and one after the end publish nothing and say so',
    async run(setUp, skip) {
      const pubSub = await setUp.create();
      await using _ = pubSub;
      if (!pubSub.publishMany) return skip(oneByOne);
      const topic = unique('none');
      const entries = entriesOf(texts(3), setUp);
      expect(await pubSub.publishMany({ topic, entries: [], metadata: {} }, never)).toEqual([]);
      await expect(pubSub.publishMany({ topic, entries, metadata: {} }, AbortSignal.abort())).rejects.toThrow(/abort/i);
      await pubSub[Symbol.asyncDispose]();
      const late = pubSub.publishMany({ topic, entries, metadata: {} }, never).then(
        (outcomes) => outcomes.filter(({ ok }) => ok).length,
        () => 0,
      );
      expect(await late).toBe(0);
    },
  },
];
