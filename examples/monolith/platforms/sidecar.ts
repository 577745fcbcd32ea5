import type { CreateModule, Platform } from '../module.ts';
import { serve } from './http-server.ts';

/** One module as an app beside its sidecar. */
export async function runBesideSidecar(create: CreateModule): Promise<void> {
  const module = create(platform);
  const topics = Object.entries(module.topics);
  await serve({
    '/dapr/subscribe': async () =>
      topics.map(([topic]) => ({ pubsubname: 'pubsub', topic, route: `/topics/${topic}` })),
    ...Object.fromEntries(
      topics.map(([topic, handle]) => [`/topics/${topic}`, async (event) => handle((event as { data: unknown }).data)]),
    ),
    ...Object.fromEntries(Object.entries(module.methods).map(([name, method]) => [`/${name}`, method])),
  });
}

const platform: Platform = {
  async save(key, value) {
    await api('POST', '/state/statestore', [{ key, value }]);
  },
  async load(key) {
    return api('GET', `/state/statestore/${encodeURIComponent(key)}`);
  },
  async publish(topic, data) {
    await api('POST', `/publish/pubsub/${topic}`, data);
  },
  async call(module, method, data) {
    return api('POST', `/invoke/${module}/method/${method}`, data);
  },
};

async function api(method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${process.env['DAPR_HTTP_PORT']}/v1.0${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}
