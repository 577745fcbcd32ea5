import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';

import { CommunicationProtocolEnum, DaprClient, LogLevel } from '@dapr/dapr';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { Sidecar } from '../processes/sidecar.ts';
import { Workspace } from '../processes/workspace.ts';

/** A folder of `resources/` whose store has the query API. */
export type QueryableStoreName = 'redisearch' | 'mongo';

interface Found {
  readonly results: readonly { readonly key: string; readonly data: { readonly person: { readonly id: number } } }[];
  readonly token?: string;
}

const people = [
  ['Dev Ops', 1036, 'Seattle'],
  ['Dev Ops', 1015, 'Spokane'],
  ['Finance', 1071, 'Seattle'],
  ['Dev Ops', 1042, 'Portland'],
  ['Hardware', 1028, 'Portland'],
] as const;

/** The query API over HTTP and gRPC; only YAML differs. */
export function querySuite(folder: QueryableStoreName): void {
  describe(`people who are looked for in ${folder}`, () => {
    const workspace = new Workspace();
    const options = {
      resourcesPath: fileURLToPath(new URL(`resources/${folder}`, import.meta.url)),
      env: workspace.env,
    };
    let sidecar: Sidecar;
    let neighbour: Sidecar;
    let grpc: DaprClient;

    beforeAll(async () => {
      const run = randomUUID().slice(0, 8);
      sidecar = await Sidecar.start({ ...options, appId: `people-${run}` });
      neighbour = await Sidecar.start({ ...options, appId: `neighbour-${run}` });
      for (const each of [sidecar, neighbour]) {
        const items = people.map(([org, id, state], index) => ({
          key: String(index + 1),
          value: { person: { org, id }, state },
          metadata: { contentType: 'application/json' },
        }));
        const saved = await each.post('/v1.0/state/statestore', items);
        if (saved.status !== 204) throw new Error(`saving failed: ${saved.status} ${await saved.text()}`);
      }
      grpc = new DaprClient({
        daprHost: '127.0.0.1',
        daprPort: String(sidecar.grpcPort),
        communicationProtocol: CommunicationProtocolEnum.GRPC,
        logger: { level: LogLevel.Error },
      });
      await grpc.start();
    });

    afterAll(async () => {
      await grpc.stop();
      await Promise.all([sidecar[Symbol.asyncDispose](), neighbour[Symbol.asyncDispose]()]);
      workspace[Symbol.dispose]();
    });

    const path =
      '/v1.0-alpha1/state/statestore/query?metadata.queryIndexName=people&metadata.contentType=application/json';
    const query = async (body: object): Promise<Found> => {
      const response = await sidecar.post(path, body);
      if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
      return (await response.json()) as Found;
    };
    const keys = ({ results }: Found) => results.map(({ key }) => key);

    it('are found by what their values hold, the own ones only', async () => {
      // an index follows what is written
      await vi.waitFor(
        async () => expect(keys(await query({ filter: { EQ: { state: 'Seattle' } } })).toSorted()).toEqual(['1', '3']),
        { timeout: 60_000 },
      );
      const found = await query({
        filter: {
          OR: [
            { EQ: { 'person.org': 'Hardware' } },
            { AND: [{ EQ: { 'person.org': 'Dev Ops' } }, { IN: { state: ['Portland'] } }] },
          ],
        },
        sort: [{ key: 'person.id', order: 'ASC' }],
      });
      expect(keys(found)).toEqual(['5', '4']);
      expect(found.results[0]?.data).toEqual({ person: { org: 'Hardware', id: 1028 }, state: 'Portland' });
    });

    it('come page by page', async () => {
      const pages: string[][] = [];
      let token: string | undefined = '';
      do {
        const page: Found = await query({
          sort: [{ key: 'person.id', order: 'DESC' }],
          page: { limit: 2, ...(token && { token }) },
        });
        pages.push(keys(page));
        ({ token } = page);
      } while (token);
      expect(pages.flat()).toEqual(['3', '4', '1', '5', '2']);
      expect(pages.every((page) => page.length <= 2)).toBe(true);
    });

    it('are nobody where nothing is like that, and a wrong query says where it is wrong', async () => {
      expect((await sidecar.post(path, { filter: { EQ: { state: 'Nowhere' } } })).status).toBe(204);
      const wrong = await sidecar.post(path, { filter: { LIKE: { state: 'S%' } } });
      expect(wrong.status).toBe(500);
      expect(await wrong.json()).toMatchObject({
        errorCode: 'ERR_STATE_QUERY',
        message: expect.stringContaining('unknown operator "LIKE"') as string,
      });
    });

    it.runIf(folder === 'mongo')('are found over gRPC by the SDK', async () => {
      const found = await grpc.state.query('statestore', {
        filter: { EQ: { state: 'Seattle' } },
        sort: [{ key: 'person.id', order: 'ASC' }],
        page: { limit: 1 },
      } as never);
      expect(found.results.map(({ key }) => key)).toEqual(['1']);
      expect(found.token).not.toBe('');
    });
  });
}
