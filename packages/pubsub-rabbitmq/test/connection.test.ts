import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { requireBackend } from '@outrigger/conformance';
import { openNetwork } from '@outrigger/conformance/network';
import { type Message, type PubSub, silentLogger } from '@outrigger/core';
import { describe, expect, it, vi } from 'vitest';
import { createPubSub } from './create.ts';
import { Management } from './management.ts';
import { howToStartRabbitMq } from './rabbitmq-server.ts';

const never = new AbortController().signal;
const patient = { timeout: 60_000, interval: 20 };

requireBackend('OUTRIGGER_TEST_RABBITMQ', howToStartRabbitMq, (hostname) => {
  const managementAddress = process.env['OUTRIGGER_TEST_RABBITMQ_MANAGEMENT'];
  const tlsAddress = process.env['OUTRIGGER_TEST_RABBITMQ_TLS'];
  const management = new Management(managementAddress ?? '');
  const publish = (pubSub: PubSub, topic: string, text: string) =>
    pubSub.publish({ topic, data: Buffer.from(text), metadata: {} }, never);
  const newTopic = () => `topic-${randomUUID()}`;

  describe('connections of pubsub.rabbitmq', () => {
    it.each([
      [
        'a wrong password',
        { hostname, username: 'guest', password: 'wrong-secret' },
        'invalid-argument',
        /refused the login.*password/,
      ],
      [
        'a wrong password in the URL',
        { connectionString: `amqp://guest:wrong-secret@${hostname}` },
        'invalid-argument',
        /refused the login.*connectionString/,
      ],
      [
        'a virtual host that is not there',
        { connectionString: `amqp://guest:guest@${hostname}/no%2Fsuch` },
        'invalid-argument',
        /virtual host "no\/such"/,
      ],
      ['a port where nothing listens', { hostname: '127.0.0.1:1' }, 'unavailable', /127\.0\.0\.1:1.*hostname/],
      [
        'a host that does not exist',
        { hostname: 'no-such-host.invalid' },
        'unavailable',
        /no-such-host\.invalid.*hostname/,
      ],
    ])('%s is told with the field to mend, and never with the password', async (_title, properties, code, message) => {
      const failure = await createPubSub(properties).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(failure).toMatchObject({ code, message: expect.stringMatching(message) });
      expect(String(failure)).not.toContain('wrong-secret');
    });

    it('comes back when the broker has closed its connections, with its subscriptions, and tells it in two lines', async ({
      skip,
    }) => {
      if (managementAddress === undefined) skip('the broker has no management API');
      const lines: string[] = [];
      const tell = (message: string) => void lines.push(message);
      const logger = { ...silentLogger, warn: tell, error: tell, info: tell };
      const clientName = `client-${randomUUID()}`;
      await using pubSub = await createPubSub({ hostname, clientName }, { logger });
      const topic = newTopic();
      const handed = new Set<string>();
      await using _ = await pubSub.subscribe(
        { topic, metadata: {} },
        async ({ data }: Message) => void handed.add(Buffer.from(data).toString()),
        never,
      );
      await publish(pubSub, topic, 'before');
      await management.closeConnections(clientName, 2);
      await vi.waitFor(() => expect(lines[0]).toMatch(/^lost amqp:.*reconnecting/), patient);
      // what is published during a short outage waits for its end
      await publish(pubSub, topic, 'during');
      await vi.waitFor(() => expect([...handed]).toEqual(['before', 'during']), patient);
      await vi.waitFor(() => expect(lines.at(-1)).toMatch(/is back$/), patient);
      expect(lines.filter((line) => !/is back$|^lost/.test(line))).toEqual([]);
    });

    it('what was sent and not confirmed when the connection breaks has failed; what was not sent waits and gives up in time', async () => {
      const [host = '', port = ''] = hostname.split(':');
      await using network = await openNetwork({ host, port: Number(port) });
      await using pubSub = await createPubSub({
        hostname: network.address,
        heartBeat: '1s',
        reconnectWaitSeconds: '500ms',
      });
      const topic = newTopic();
      await publish(pubSub, topic, 'before');
      await network.cut({ newConnections: 'refuse' });
      const sent = publish(pubSub, topic, 'sent');
      await expect(sent).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('may have it or not'),
      });
      const asked = performance.now();
      await expect(publish(pubSub, topic, 'waits')).rejects.toMatchObject({ code: 'unavailable' });
      expect(performance.now() - asked).toBeGreaterThan(1000);
      const abort = AbortSignal.timeout(100);
      await expect(pubSub.publish({ topic, data: Buffer.from('x'), metadata: {} }, abort)).rejects.toMatchObject({
        name: 'TimeoutError',
      });
      await network.mend({ reset: true });
      await vi.waitFor(() => publish(pubSub, topic, 'after'), patient);
    });

    it('leaves a broker that no longer answers in time, also without heartbeats', async () => {
      const [host = '', port = ''] = hostname.split(':');
      await using network = await openNetwork({ host, port: Number(port) });
      const pubSub = await createPubSub({ hostname: network.address, heartBeat: '0' });
      const topic = newTopic();
      await pubSub.subscribe({ topic, metadata: {} }, async () => {}, never);
      await publish(pubSub, topic, 'before');
      await network.cut();
      const asked = performance.now();
      await pubSub[Symbol.asyncDispose]();
      expect(performance.now() - asked).toBeLessThan(20_000);
    });

    describe.skipIf(tlsAddress === undefined)('over TLS', () => {
      const folder = process.env['OUTRIGGER_TEST_RABBITMQ_CERTS'] ?? '';
      const pem = (name: string) => readFileSync(join(folder, name), 'utf8');
      const tls = { protocol: 'amqps', hostname: tlsAddress ?? '' };

      it('checks the certificate of the broker', async () => {
        await using pubSub = await createPubSub({ ...tls, caCert: pem('ca.pem') });
        await publish(pubSub, newTopic(), 'x');
        for (const properties of [tls, { ...tls, caCert: pem('other-ca.pem') }]) {
          await expect(createPubSub(properties)).rejects.toMatchObject({
            code: 'invalid-argument',
            message: expect.stringMatching(/TLS failed.*caCert/),
          });
        }
      });

      it('logs in by the client certificate', async () => {
        await management.request('PUT', '/users/client', { password_hash: '', tags: '' });
        await management.request('PUT', '/permissions/%2F/client', { configure: '.*', write: '.*', read: '.*' });
        const mutual = { ...tls, caCert: pem('ca.pem'), clientCert: pem('client.pem'), clientKey: pem('client.key') };
        await using pubSub = await createPubSub({ ...mutual, saslExternal: 'true' });
        await publish(pubSub, newTopic(), 'x');
        await expect(
          createPubSub({
            ...mutual,
            clientCert: pem('stranger.pem'),
            clientKey: pem('stranger.key'),
            saslExternal: 'true',
          }),
        ).rejects.toMatchObject({ message: expect.stringContaining('clientCert') });
      });
    });
  });
});
