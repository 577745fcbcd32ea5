// The same app on a bare client library: env BROKER, BROKER_ADDRESS, PUBSUB_TOPIC. Told what to do over IPC.
import type { BareClient } from './bare/bare-client.ts';
import { Flow, type Parcel } from './flow.ts';
import { serveOrders } from './orders.ts';

const topic = process.env['PUBSUB_TOPIC'] ?? 'bench';
const bulkTopic = `${topic}-bulk`;
const flow = new Flow(Number(process.env['WINDOW'] ?? 2000));

const { connect } = (await import(`./bare/${process.env['BROKER']}.ts`)) as {
  connect: (address: string) => Promise<BareClient>;
};
const client = await connect(process.env['BROKER_ADDRESS'] ?? '');
for (const name of [topic, bulkTopic]) {
  await client.subscribe(name, async (data) => flow.handled(JSON.parse(data) as Parcel));
}

serveOrders(flow, {
  sendOne: ([parcel]) => client.publish(topic, JSON.stringify(parcel)),
  sendMany: (parcels) =>
    client.publishMany(
      bulkTopic,
      parcels.map((parcel) => JSON.stringify(parcel)),
    ),
});
