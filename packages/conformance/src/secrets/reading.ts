import { ComponentError, type Secret } from '@outrigger/core';
import { expect } from 'vitest';
import { never } from '../within.ts';
import { plain, type SecretCase } from './case.ts';

/** Names of no secret, of which some mean one that there is to a store that builds a path or a query from them. */
const hostile = [
  '../conftestsecret',
  'nowhere/../conftestsecret',
  './conftestsecret',
  '/conftestsecret',
  'conftestsecret/',
  'conftestsecret?version=1',
  'conftestsecret#x',
  'conftestsecret%00',
  '%63onftestsecret',
  'conftestsecret\0x',
  'conftestsecret\n',
  ' conftestsecret',
  "' OR '1'='1",
  '*',
  'conftest*',
  '${conftestsecret}',
  'näme 漢字 😀',
  'x'.repeat(300),
  '',
];

const multi = { user: 'u', password: 'p' };

export const readingCases: readonly SecretCase[] = [
  {
    title: 'gives a secret by its name',
    async run({ store }) {
      expect(await store.get({ name: 'conftestsecret' }, never)).toEqual({ conftestsecret: 'abcd' });
      expect(await store.get({ name: 'secondsecret', metadata: {} }, never)).toEqual({ secondsecret: 'efgh' });
    },
  },
  {
    title: 'gives the same secrets to many readers at once, each his own',
    async run(subject) {
      const names = Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? 'conftestsecret' : 'secondsecret'));
      const secrets = await Promise.all(names.map((name) => subject.get(name)));
      const values = { conftestsecret: 'abcd', secondsecret: 'efgh' } as Readonly<Record<string, string>>;
      expect(secrets).toEqual(names.map((name) => ({ [name]: values[name] })));
    },
  },
  {
    title: 'gives everyone what is stored, whatever another caller did with what it was given',
    async run(subject) {
      const { store } = subject;
      const change = (secret: Secret | undefined) => {
        try {
          Object.assign(secret ?? {}, { conftestsecret: 'changed', added: 'x' });
        } catch {
          // what cannot be changed is as good
        }
      };
      change(await store.get({ name: 'conftestsecret' }, never));
      change((await store.getAll?.({}, never))?.['conftestsecret']);
      expect(await subject.get('conftestsecret')).toEqual({ conftestsecret: 'abcd' });
      const all = await store.getAll?.({}, never);
      if (all) expect(all['conftestsecret']).toEqual({ conftestsecret: 'abcd' });
    },
  },
  ...['no-such-secret', 'toString', '__proto__', 'constructor'].map((name): SecretCase => ({
    title: `has no secret called ${name}`,
    async run(subject) {
      const secret = await subject.get(name);
      expect(secret && Object.entries(secret)).toEqual(
        subject.quirks.unknownName === 'empty-value' ? [[name, '']] : undefined,
      );
    },
  })),
  ...hostile.map((name): SecretCase => ({
    title: `has no secret called ${JSON.stringify(name.length > 100 ? `${name.slice(0, 1)}… (300 times)` : name)}, or refuses the name`,
    async run(subject) {
      const answer = await subject.get(name).then(plain, (error: unknown) => {
        expect(ComponentError.is(error) && error.code, String(error)).toBe('invalid-argument');
        return 'refused';
      });
      if (answer !== 'refused') expect(answer).toEqual(subject.unknown(name));
      expect(await subject.get('conftestsecret')).toEqual({ conftestsecret: 'abcd' });
    },
  })),
  {
    title: 'gives secrets with odd names and values as they are',
    unless: ({ quirks }) => !quirks.oddSecrets && 'the set-up names no odd secrets',
    async run(subject) {
      const odd = Object.entries(subject.quirks.oddSecrets ?? {});
      for (const [name, secret] of odd) expect(plain(await subject.get(name))).toEqual(secret);
      const all = await subject.store.getAll?.({}, never);
      if (all) for (const [name, secret] of odd) expect(plain(all[name])).toEqual(secret);
    },
  },
  {
    title: 'lists all its secrets by name, each as get gives it',
    unless: ({ store }) => !store.getAll && 'the store cannot list',
    async run(subject) {
      const all = (await subject.store.getAll?.({ metadata: {} }, never)) ?? {};
      expect(all).toMatchObject({ conftestsecret: { conftestsecret: 'abcd' }, secondsecret: { secondsecret: 'efgh' } });
      expect(Object.keys(all)).not.toContain('no-such-secret');
      for (const [name, secret] of Object.entries(all).slice(0, 50)) {
        expect(plain(await subject.get(name)), name).toEqual(plain(secret));
      }
    },
  },
  {
    title: 'keeps several values in one secret when it says that it can, and else one under its own name',
    async run(subject) {
      const secret = await subject.get('multisecret');
      expect(plain(secret)).toEqual(subject.several ? multi : subject.unknown('multisecret'));
      const all = (await subject.store.getAll?.({}, never)) ?? {};
      const otherwise = Object.entries(all).filter(([name, { [name]: value }]) => value === undefined);
      expect(otherwise.map(([name]) => name)).toEqual(
        subject.several && subject.store.getAll ? expect.arrayContaining(['multisecret']) : [],
      );
    },
  },
  {
    title: 'gives values that are texts and nothing else',
    async run({ store }) {
      const all = (await store.getAll?.({}, never)) ?? {};
      const one = (await store.get({ name: 'conftestsecret' }, never)) ?? {};
      const values = [...Object.values(all), one].flatMap((secret) => Object.values(secret) as unknown[]);
      expect(values.filter((value) => typeof value !== 'string')).toEqual([]);
      expect(values.length).toBeGreaterThan(0);
    },
  },
  {
    title: 'claims only what the contract knows',
    async run({ store: { features } }) {
      expect(features.filter((feature) => feature !== 'multiple-key-values-per-secret')).toEqual([]);
      expect(new Set(features).size).toBe(features.length);
    },
  },
  {
    title: 'gives the version of a secret that the metadata ask for',
    unless: ({ quirks }) => !quirks.versions?.length && 'the set-up names no versions',
    async run({ store, quirks }) {
      for (const { name, metadata, secret } of quirks.versions ?? []) {
        expect(plain(await store.get({ name, metadata }, never)), JSON.stringify(metadata)).toEqual(secret);
      }
    },
  },
];
