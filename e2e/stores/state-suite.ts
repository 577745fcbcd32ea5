import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';

import { CommunicationProtocolEnum, DaprClient, LogLevel, type LoggerService } from '@dapr/dapr';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { freePorts } from '../processes/ports.ts';
import { Sidecar } from '../processes/sidecar.ts';
import { Workspace } from '../processes/workspace.ts';
import { type Order, Orders } from './orders.ts';

/** A folder of `resources/`. */
export type StateStoreName = 'memory' | 'sqlite' | 'redis' | 'postgres' | 'mongo';

const canoe: Order = { item: 'canoe', quantity: 1 };

/** The SDK logs each conflict as an error. */
const conflictsAreExpected: LoggerService = {
  error: () => {},
  warn: () => {},
  info: () => {},
  verbose: () => {},
  debug: () => {},
};

/** One app and one set of expectations for every state store, plain and encrypted, over HTTP and gRPC. Only YAML differs. */
export function stateSuite(folder: StateStoreName): void {
  describe.each(['http', 'grpc'] as const)(`a book of orders kept in ${folder}, over %s`, (protocol) => {
    const workspace = new Workspace();
    const appId = `orders-${randomUUID().slice(0, 8)}`;
    const communicationProtocol = protocol === 'http' ? CommunicationProtocolEnum.HTTP : CommunicationProtocolEnum.GRPC;
    let httpPort = 0;
    let grpcPort = 0;
    let sidecar: Sidecar;
    let client: DaprClient;

    const start = () =>
      Sidecar.start({
        appId,
        httpPort,
        grpcPort,
        resourcesPath: fileURLToPath(new URL(`resources/${folder}`, import.meta.url)),
        env: workspace.env,
      });

    beforeAll(async () => {
      [httpPort = 0, grpcPort = 0] = await freePorts(2);
      sidecar = await start();
      client = new DaprClient({
        daprHost: '127.0.0.1',
        daprPort: String(protocol === 'http' ? httpPort : grpcPort),
        communicationProtocol,
        logger: { level: LogLevel.Error, service: conflictsAreExpected },
      });
      await client.start();
    });

    afterAll(async () => {
      await client.stop();
      await sidecar[Symbol.asyncDispose]();
      workspace[Symbol.dispose]();
    });

    it('says what its store can do', async () => {
      const { components } = (await (await sidecar.fetch('/v1.0/metadata')).json()) as {
        components: { name: string; capabilities: string[] }[];
      };
      const store = components.find(({ name }) => name === 'statestore');
      expect(store?.capabilities).toEqual(expect.arrayContaining(['ETAG', 'TRANSACTIONAL', 'TTL', 'ACTOR']));
    });

    describe.each(['statestore', 'encryptedstore'])('as %s', (store) => {
      let orders: Orders;
      let id: string;
      beforeEach(() => {
        orders = new Orders(client, store);
        id = randomUUID();
      });

      it('takes an order once, whoever places it again', async () => {
        expect(await orders.place(id, canoe)).toBe(true);
        expect(await orders.place(id, { ...canoe, quantity: 7 })).toBe(false);
        expect((await orders.read(id)).order).toEqual(canoe);
      });

      it('lets one of many win who place the same order at once', async () => {
        const placed = await Promise.all(
          Array.from({ length: 10 }, (_, clerk) => orders.place(id, { ...canoe, quantity: clerk })),
        );
        expect(placed.filter(Boolean)).toHaveLength(1);
        expect((await orders.read(id)).order?.quantity).toBe(placed.indexOf(true));
      });

      it('loses no change when many amend an order at once', async () => {
        await orders.place(id, { ...canoe, quantity: 0 });
        const addOne = (order: Order) => ({ ...order, quantity: order.quantity + 1 });
        await Promise.all(Array.from({ length: 8 }, () => orders.amend(id, addOne)));
        expect((await orders.read(id)).order?.quantity).toBe(8);
      });

      it('reads many at once, also those that are not there', async () => {
        const ids = Array.from({ length: 20 }, (_, index) => `${id}-${index}`);
        await orders.write(Object.fromEntries(ids.map((key, quantity) => [key, { ...canoe, quantity }])));
        const found = await orders.list([...ids, `${id}-none`]);
        expect(ids.map((key) => found.get(key)?.quantity)).toEqual(ids.map((_, index) => index));
        expect(found.has(`${id}-none`)).toBe(true);
        expect(found.get(`${id}-none`)).toBeUndefined();
      });

      it('gives every JSON value back, under any key', async () => {
        const values = {
          text: 'Grüße, 世界 🛶 "quoted" \\ \n',
          number: 42,
          list: [1, 'zwei', null, { drei: true }],
          object: { $set: { 'a.b': 1 }, _id: 'mine' },
          long: { note: 'x'.repeat(512 * 1024) },
        };
        for (const [name, value] of Object.entries(values)) {
          const key = `${id}/${name} ünï 🛶`;
          await orders.write({ [key]: value });
          expect((await orders.list([key])).get(key)).toEqual(value);
        }
      });

      it('frees a reservation when its time is over', async () => {
        await orders.reserve(id, canoe, 1);
        expect((await orders.read(id)).order).toEqual(canoe);
        await vi.waitFor(async () => expect((await orders.read(id)).order).toBeUndefined(), {
          timeout: 60_000,
          interval: 50,
        });
        expect(await orders.place(id, canoe)).toBe(true);
      });

      it('ships an order whole, and one that was changed meanwhile not at all', async () => {
        await orders.place(id, canoe);
        const { etag: stale } = await orders.read(id);
        await orders.amend(id, (order) => ({ ...order, quantity: 2 }));
        await expect(orders.ship(id, `${id}-shipped`, canoe, stale)).rejects.toThrow(/ERR_STATE_TRANSACTION|etag/i);
        expect((await orders.list([`${id}-shipped`])).get(`${id}-shipped`)).toBeUndefined();

        const { etag } = await orders.read(id);
        await orders.ship(id, `${id}-shipped`, canoe, etag);
        expect(await orders.get(`${id}-shipped`)).not.toBe('');
        expect((await orders.read(id)).order).toBeUndefined();
      });

      it('cancels an order only if it is as it was seen', async () => {
        await orders.place(id, canoe);
        const { etag: stale } = await orders.read(id);
        await orders.amend(id, (order) => ({ ...order, quantity: 2 }));
        expect(await orders.cancel(id, stale)).toBe(false);
        expect(await orders.cancel(id, (await orders.read(id)).etag)).toBe(true);
        expect(await orders.cancel(id)).toBe(true);
        expect((await orders.read(id)).order).toBeUndefined();
      });
    });

    it('keeps encrypted orders so that nobody reads them who reads the store', async () => {
      const id = randomUUID();
      await new Orders(client, 'encryptedstore').place(id, { item: 'canoe', quantity: 1, note: 'for the queen' });
      // the same server and the same table, but without the keys
      const [kept] = await client.state.getBulk('rawstore', [id]);
      if (folder === 'memory') return expect(kept?.data).toBeFalsy();
      // what is not JSON the SDK hands over in base64, over HTTP
      const text = String(kept?.data);
      const stored = text.includes('||') ? text : Buffer.from(text, 'base64').toString();
      expect(stored).toMatch(/^[A-Za-z0-9+/=]+\|\|encryptionkey/);
    });

    it('has its orders again after a restart of the sidecar', async ({ skip }) => {
      skip(folder === 'memory', 'what is kept in memory ends with the process');
      const id = randomUUID();
      const orders = new Orders(client, 'statestore');
      await orders.place(id, canoe);
      expect(await sidecar.stop()).toMatchObject({ code: 0 });
      sidecar = await start();
      await vi.waitFor(async () => expect((await orders.read(id)).order).toEqual(canoe), { timeout: 60_000 });
    });
  });
}
