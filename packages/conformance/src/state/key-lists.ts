import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { never } from '../within.ts';
import { needing, type StateCase } from './case.ts';
import type { StateSubject } from './subject.ts';

/** The items of one case, under a prefix of their own. */
class Shelf {
  readonly #subject: StateSubject;
  readonly #prefix = `${randomUUID()}||`;

  private constructor(subject: StateSubject) {
    this.#subject = subject;
  }

  static async with(subject: StateSubject, names: readonly string[]): Promise<Shelf> {
    const shelf = new Shelf(subject);
    await shelf.add(names);
    return shelf;
  }

  async add(names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => this.#subject.set(this.#prefix + name, name)));
  }

  async remove(name: string): Promise<void> {
    await this.#subject.delete(this.#prefix + name);
  }

  async page(pattern: string, pageSize?: number, continuationToken?: string) {
    const request = {
      pattern: this.#prefix + pattern,
      ...(pageSize !== undefined && { pageSize }),
      ...(continuationToken !== undefined && { continuationToken }),
    };
    const result = await this.#subject.method('keysLike')(request, never);
    const names = result.keys.map((key) => key.slice(this.#prefix.length));
    return { names, token: result.continuationToken };
  }

  /** Every name that matches, sorted. */
  async list(pattern: string): Promise<string[]> {
    const { names, token } = await this.page(pattern);
    expect(token).toBeUndefined();
    return names.toSorted();
  }

  /** Every name, page by page; `between` is told of each page before the next is asked for. */
  async walk(pageSize: number, between: (names: readonly string[]) => Promise<void> = async () => {}) {
    const seen: string[] = [];
    let token: string | undefined;
    do {
      const page = await this.page('%', pageSize, token);
      expect(page.names.length).toBeLessThanOrEqual(pageSize);
      seen.push(...page.names);
      ({ token } = page);
      if (token === undefined) return { seen, last: page.names };
      expect(token).not.toBe('');
      expect(seen.length, 'names on all pages so far').toBeLessThan(10_000);
      await between(page.names);
    } while (token !== undefined);
    return { seen, last: [] };
  }
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `key${String(index).padStart(4, '0')}`);

export const keyListCases: readonly StateCase[] = needing(
  ['keysLike'],
  [
    {
      title: 'matches runs and single characters, in the whole key',
      async run(subject) {
        const shelf = await Shelf.with(subject, ['a', 'ab', 'abc', 'b', 'A', 'a😀c', 'xab']);
        expect(await shelf.list('%')).toEqual(['A', 'a', 'ab', 'abc', 'a😀c', 'b', 'xab'].toSorted());
        expect(await shelf.list('a%')).toEqual(['a', 'ab', 'abc', 'a😀c'].toSorted());
        expect(await shelf.list('%b')).toEqual(['ab', 'b', 'xab']);
        expect(await shelf.list('%b%')).toEqual(['ab', 'abc', 'b', 'xab']);
        expect(await shelf.list('a_c')).toEqual(['abc', 'a😀c'].toSorted());
        expect(await shelf.list('_')).toEqual(['A', 'a', 'b']);
        expect(await shelf.list('__')).toEqual(['ab']);
        expect(await shelf.list('ab')).toEqual(['ab']);
        expect(await shelf.list('nothing%')).toEqual([]);
      },
    },
    {
      title: 'takes escaped wildcards, and the wildcards of other languages, as they are',
      async run(subject) {
        const plain = ['g*b', 'q?r', '[x]', '^', '{a}', '$', '(a|b)', '.', "'", '"', '#', '!'];
        const shelf = await Shelf.with(subject, [
          '100%',
          '1000',
          'a_b',
          'axb',
          'back\\slash',
          'backslash',
          'gxb',
          'qxr',
          'x',
          'a',
          ...plain,
        ]);
        expect(await shelf.list('100\\%')).toEqual(['100%']);
        expect(await shelf.list('a\\_b')).toEqual(['a_b']);
        expect(await shelf.list('back\\\\slash')).toEqual(['back\\slash']);
        expect(await shelf.list('%\\%')).toEqual(['100%']);
        for (const name of plain) expect(await shelf.list(name)).toEqual([name]);
      },
    },
    {
      title: 'matches letters beyond ASCII and does not fold them',
      async run(subject) {
        const shelf = await Shelf.with(subject, ['É', 'é', 'e\u0301', '漢字', 'İ', 'i']);
        expect(await shelf.list('é')).toEqual(['é']);
        expect(await shelf.list('e%')).toEqual(['e\u0301']);
        expect(await shelf.list('漢_')).toEqual(['漢字']);
        expect(await shelf.list('i')).toEqual(['i']);
      },
    },
    {
      title: 'refuses an empty pattern',
      run: (subject) =>
        expect(subject.method('keysLike')({ pattern: '' }, never)).rejects.toMatchObject({ code: 'invalid-argument' }),
    },
    ...[1, 5, 6, 11, 12, 100].map((pageSize): StateCase => ({
      title: `pages through 12 keys by ${pageSize}: each once, and no token after the last`,
      async run(subject) {
        const names = numbered(12);
        const { seen, last } = await (await Shelf.with(subject, names)).walk(pageSize);
        expect(seen.toSorted()).toEqual(names);
        expect(last.length).toBeGreaterThan(0);
      },
    })),
    {
      title: 'gives one empty page where nothing matches',
      async run(subject) {
        expect(await (await Shelf.with(subject, [])).page('%', 5)).toEqual({ names: [], token: undefined });
      },
    },
    {
      title: 'gives all of 1025 keys when no page size is asked for, and by pages',
      async run(subject) {
        const names = numbered(1025);
        const shelf = await Shelf.with(subject, names);
        expect(await shelf.list('%')).toEqual(names);
        expect((await shelf.walk(100)).seen.toSorted()).toEqual(names);
      },
    },
    {
      title: 'misses and repeats nothing that stays while other keys are deleted between pages',
      async run(subject) {
        const names = numbered(60);
        const shelf = await Shelf.with(subject, names);
        const deleted = new Set<string>();
        const { seen } = await shelf.walk(7, async (page) => {
          // the last of the page is what a careless token points to
          for (const name of [page[0], page.at(-1), names[59 - deleted.size]]) {
            if (name === undefined || deleted.size >= 20 || deleted.has(name)) continue;
            await shelf.remove(name);
            deleted.add(name);
          }
        });
        expect(names.filter((name) => !deleted.has(name) && !seen.includes(name))).toEqual([]);
        expect(new Set(seen).size).toBe(seen.length);
      },
    },
    {
      title: 'misses and repeats nothing that stays while keys are added between pages',
      async run(subject) {
        const names = numbered(30);
        const shelf = await Shelf.with(subject, names);
        let added = 0;
        const { seen } = await shelf.walk(7, async () => {
          if (added < 10) await shelf.add([`a${added}`, `key0015${added++}`]);
        });
        expect(names.filter((name) => !seen.includes(name))).toEqual([]);
        expect(new Set(seen).size).toBe(seen.length);
      },
    },
  ],
);
