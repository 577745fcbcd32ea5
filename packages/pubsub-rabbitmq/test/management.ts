import { setTimeout as delay } from 'node:timers/promises';

interface QueueInfo {
  readonly messages?: number;
  readonly messages_unacknowledged?: number;
  readonly consumers: number;
  readonly type: string;
  readonly durable: boolean;
  readonly auto_delete: boolean;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** The HTTP API of the broker's management plugin. */
export class Management {
  readonly #base: string;

  constructor(address: string) {
    this.#base = `http://${address}/api`;
  }

  async request(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${this.#base}${path}`, {
      method,
      headers: { authorization: `Basic ${btoa('guest:guest')}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  async queue(name: string): Promise<QueueInfo> {
    return (await this.request('GET', `/queues/%2F/${encodeURIComponent(name)}`)) as QueueInfo;
  }

  deleteQueue(name: string): Promise<unknown> {
    return this.request('DELETE', `/queues/%2F/${encodeURIComponent(name)}`);
  }

  deleteExchange(name: string): Promise<unknown> {
    return this.request('DELETE', `/exchanges/%2F/${encodeURIComponent(name)}`);
  }

  /** Closes the connections of that client name; waits until the API knows of at least `count`. */
  async closeConnections(clientName: string, count: number): Promise<void> {
    for (;;) {
      const all = (await this.request('GET', '/connections')) as { name: string; user_provided_name?: string }[];
      const ours = all.filter(({ user_provided_name }) => user_provided_name === clientName);
      if (ours.length >= count) {
        for (const { name } of ours) await this.request('DELETE', `/connections/${encodeURIComponent(name)}`);
        return;
      }
      await delay(100);
    }
  }
}
