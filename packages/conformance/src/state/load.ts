import { setTimeout as delay } from 'node:timers/promises';
import { ComponentError, type StateStore } from '@outrigger/core';
import { expect, vi } from 'vitest';
import { misleading } from '../faults.ts';
import { never } from '../within.ts';
import { etagOf, freshKey, setting, type StateSubject, textOf } from './subject.ts';

/** How long the writers of a load wait for one answer before they give up, as a careful app would. */
const patienceMs = 5000;

/** Writers that go on until they are stopped, and remember what was answered. */
export class Load implements AsyncDisposable {
  /** How many writes were acknowledged. */
  acknowledged = 0;
  /** What was answered instead. */
  readonly refusals: unknown[] = [];
  readonly #running: Promise<unknown>;
  readonly #checks: (() => Promise<void>)[] = [];
  #stopped = false;

  /** Works on keys of its own with every kind of write that `store` has; `subject` says what that is. */
  constructor(subject: StateSubject, store: StateStore) {
    const writers = [this.#items(subject, store), this.#items(subject, store), this.#overwriting(subject, store)];
    if (subject.claims('etag')) {
      const counter = freshKey('counter');
      const state = { acknowledged: 0, unknown: 0 };
      writers.push(...Array.from({ length: 3 }, () => this.#counting(store, counter, state)));
      this.#checks.push(async () => {
        const count = Number((await subject.text(counter)) ?? 0);
        expect(count, 'the counter, of what was acknowledged').toBeGreaterThanOrEqual(state.acknowledged);
        expect(count, 'the counter, of all that was tried').toBeLessThanOrEqual(state.acknowledged + state.unknown);
      });
    }
    if (subject.claims('transact')) writers.push(this.#pairs(subject, store), this.#pairs(subject, store));
    this.#running = Promise.all(writers);
  }

  /** Resolves once so many more than now are acknowledged. */
  async acknowledges(count: number, timeout: number): Promise<void> {
    const target = this.acknowledged + count;
    await vi.waitFor(
      () => {
        if (this.acknowledged >= target) return;
        const last = String(this.refusals.at(-1));
        throw new Error(`acknowledged: ${this.acknowledged} of ${target}; last refusal: ${last}`);
      },
      { timeout, interval: 5 },
    );
  }

  /** Stops, and compares what is there with what was answered. */
  async check(): Promise<void> {
    await this[Symbol.asyncDispose]();
    for (const check of this.#checks) await check();
    expect(misleading(this.refusals), 'refusals that do not say that the write may succeed later').toEqual([]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** Resolves to whether the write was acknowledged. */
  async #tried(write: (signal: AbortSignal) => Promise<unknown>): Promise<boolean> {
    try {
      await write(AbortSignal.timeout(patienceMs));
    } catch (error) {
      this.refusals.push(error);
      await delay(20);
      return false;
    }
    this.acknowledged++;
    await delay(1);
    return true;
  }

  async #items(subject: StateSubject, store: StateStore): Promise<void> {
    const written: string[] = [];
    this.#checks.push(async () => {
      const texts = await subject.texts(written);
      expect(
        written.filter((key, index) => texts[index] !== key),
        'acknowledged writes that are lost',
      ).toEqual([]);
    });
    while (!this.#stopped) {
      const key = freshKey();
      if (await this.#tried((signal) => store.set({ key, value: Buffer.from(key) }, signal))) written.push(key);
    }
  }

  async #overwriting(subject: StateSubject, store: StateStore): Promise<void> {
    const key = freshKey('overwritten');
    let last = 0;
    let tried = 0;
    this.#checks.push(async () => {
      const found = Number((await subject.text(key)) ?? 0);
      expect(found, 'the last of many writes').toBeGreaterThanOrEqual(last);
      expect(found, 'the last of many writes').toBeLessThanOrEqual(tried);
    });
    while (!this.#stopped) {
      const next = ++tried;
      if (await this.#tried((signal) => store.set({ key, value: Buffer.from(String(next)) }, signal))) last = next;
    }
  }

  async #counting(store: StateStore, key: string, state: { acknowledged: number; unknown: number }): Promise<void> {
    while (!this.#stopped) {
      let lost = false;
      let sent = false;
      const done = await this.#tried(async (signal) => {
        const item = await store.get({ key }, signal);
        const guard = item ? { etag: etagOf(item, key) } : ({ concurrency: 'first-write' } as const);
        const value = Buffer.from(String(Number(textOf(item) ?? 0) + 1));
        sent = true;
        await store.set({ key, value, ...guard }, signal).catch((error: unknown) => {
          if (!ComponentError.is(error) || error.code !== 'etag-mismatch') throw error;
          lost = true;
        });
      });
      if (done && !lost) state.acknowledged++;
      else if (!done && sent) state.unknown++;
    }
  }

  async #pairs(subject: StateSubject, store: StateStore): Promise<void> {
    const keys = subject.keysTogether(2);
    let last = 0;
    let tried = 0;
    this.#checks.push(async () => {
      // what was cut off may still be under way
      await expect.poll(async () => new Set(await subject.texts(keys)).size).toBe(1);
      const found = Number((await subject.text(keys[0] ?? '')) ?? 0);
      expect(found, 'the last of many transactions').toBeGreaterThanOrEqual(last);
      expect(found, 'the last of many transactions').toBeLessThanOrEqual(tried);
    });
    while (!this.#stopped) {
      const next = ++tried;
      const operations = keys.map((key) => setting(key, String(next)));
      if (await this.#tried((signal) => subject.method('transact', store)(operations, {}, signal))) last = next;
    }
  }
}

/** Resolves once the store reads and writes again. */
export async function worksAgain(store: StateStore, { quirks }: StateSubject): Promise<void> {
  const key = freshKey();
  await vi.waitFor(
    async () => {
      const signal = AbortSignal.timeout(patienceMs);
      await store.set({ key, value: Buffer.from('again') }, signal);
      expect(textOf(await store.get({ key }, never))).toBe('again');
    },
    { timeout: quirks.recoversWithinMs, interval: 50 },
  );
}
