import { openComponent, requireBackend } from '@outrigger/conformance';
import { beforeAll, describe, expect, it } from 'vitest';
import parameterStore from '../src/parameter-store.ts';
import secretManager from '../src/secret-manager.ts';
import { createParameters, createSecrets, howToStartAws, login, secretsManagerAt, unique } from './aws.ts';

const { signal } = new AbortController();

requireBackend('OUTRIGGER_TEST_AWS', howToStartAws, (address) => {
  const region = 'eu-central-1';
  const options = { ...login, region, endpoint: `http://${address}` };

  describe('Secrets Manager', () => {
    it('gives the version or the stage that is asked for, and nothing for one that is not there', async () => {
      const name = unique('versions');
      const client = secretsManagerAt(address, region);
      const first = await client.createSecret({ Name: name, SecretString: 'old' });
      await client.putSecretValue({ SecretId: name, SecretString: 'new' });
      client.destroy();
      await using store = await openComponent(secretManager, options);
      const get = (metadata: Record<string, string>) => store.get({ name, metadata }, signal);
      expect(await get({})).toEqual({ [name]: 'new' });
      expect(await get({ version_stage: 'AWSPREVIOUS' })).toEqual({ [name]: 'old' });
      expect(await get({ version_id: first.VersionId ?? '' })).toEqual({ [name]: 'old' });
      expect(await get({ version_stage: 'NO_SUCH_STAGE' })).toBeUndefined();
    });

    it('lists all pages', async () => {
      const names = Array.from({ length: 105 }, (_, index) => `page-${index}`);
      const paged = { ...options, region: 'eu-west-3' };
      await createSecrets(address, paged.region, Object.fromEntries(names.map((name) => [name, `value of ${name}`])));
      await using store = await openComponent(secretManager, paged);
      const all = (await store.getAll?.({}, signal)) ?? {};
      expect(all).toEqual(Object.fromEntries(names.map((name) => [name, { [name]: `value of ${name}` }])));
    });

    it('a secret may be asked for by its ARN, and one of bytes comes in base64', async () => {
      const name = unique('bytes');
      const client = secretsManagerAt(address, region);
      const { ARN = '' } = await client.createSecret({ Name: name, SecretBinary: Buffer.from([0, 255]) });
      client.destroy();
      await using store = await openComponent(secretManager, options);
      expect(await store.get({ name: ARN }, signal)).toEqual({ [name]: 'AP8=' });
    });

    it.each([
      ['{"a":"1","b":null}', { a: '1', b: '' }],
      ['{"a":1}', undefined],
      ['["a"]', undefined],
      ['null', undefined],
      ['plain', undefined],
    ])('with several values per secret, %s', async (value, expected) => {
      const name = unique('shape');
      await createSecrets(address, region, { [name]: value });
      await using store = await openComponent(secretManager, { ...options, multipleKeyValuesPerSecret: 'true' });
      expect(await store.get({ name }, signal)).toEqual(expected ?? { [name]: value });
    });
  });

  describe('the Parameter Store', () => {
    const prefix = `/${unique('shop')}/`;

    beforeAll(async () => {
      const many = Array.from({ length: 55 }, (_, index) => [`${prefix}p${index}`, `v${index}`]);
      await createParameters(address, region, { ...Object.fromEntries(many), [`${prefix}p0`]: 'old' });
      await createParameters(address, region, { [`${prefix}p0`]: 'v0' });
    });

    it('leaves the prefix off the names, and lists all pages of what has it', async () => {
      await using store = await openComponent(parameterStore, { ...options, prefix });
      expect(await store.get({ name: 'p1' }, signal)).toEqual({ p1: 'v1' });
      const all = (await store.getAll?.({}, signal)) ?? {};
      expect(Object.keys(all)).toHaveLength(55);
      expect(all['p54']).toEqual({ p54: 'v54' });
    });

    it('gives the version that is asked for, and nothing for one that is not there', async () => {
      await using store = await openComponent(parameterStore, { ...options, prefix });
      expect(await store.get({ name: 'p0', metadata: { version_id: '1' } }, signal)).toEqual({ p0: 'old' });
      expect(await store.get({ name: 'p0', metadata: { version_id: '2' } }, signal)).toEqual({ p0: 'v0' });
      expect(await store.get({ name: 'p0', metadata: { version_id: '9' } }, signal)).toBeUndefined();
    });

    it('without a prefix a secret is called as its parameter', async () => {
      await using store = await openComponent(parameterStore, options);
      expect(await store.get({ name: `${prefix}p1` }, signal)).toEqual({ [`${prefix}p1`]: 'v1' });
    });
  });
});
