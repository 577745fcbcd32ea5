import { appIdNotMatch, notReady, outboundNotReady, type Runtime } from '@outrigger/runtime';

import { replyJson } from '../../http/reply.ts';
import type { HttpExchange, Route } from '../../http/route.ts';

export interface HealthSource {
  readonly appId: string;
  /** Names of the parts that are not ready yet; empty when all are. */
  notReady(): readonly string[];
  /** Whether components are up, so that the app may use the API. */
  isOutboundReady(): boolean;
  components(): Runtime['components'];
}

/** The routes that tell whether this process can be used. Served without a token, and without trace headers. */
export function healthRoutes(source: HealthSource): Route[] {
  const healthz = (exchange: HttpExchange) => {
    const missing = source.notReady();
    if (missing.length > 0) throw notReady(missing);
    const appId = exchange.queryValue('appid');
    if (appId !== undefined && appId !== source.appId) throw appIdNotMatch();
    exchange.response.writeHead(204).end();
  };

  const outbound = (exchange: HttpExchange) => {
    if (!source.isOutboundReady()) throw outboundNotReady();
    exchange.response.writeHead(204).end();
  };

  /**
   * Not in Dapr. 503 as soon as one of them is not ready: a probe that wants all of them asks here. Why it is not is in the metadata,
   * which a token protects.
   */
  const components = (exchange: HttpExchange) => {
    const all = source.components().map(({ name, type, status }) => ({ name, type, status }));
    replyJson(exchange, all.every(({ status }) => status === 'ready') ? 200 : 503, { components: all });
  };

  const shared = { methods: ['GET'], api: { name: 'healthz', version: 'v1' }, healthCheck: true } as const;
  return [
    { ...shared, pattern: '/v1.0/healthz', operation: 'Healthz', handle: healthz },
    { ...shared, pattern: '/v1.0/healthz/outbound', operation: 'HealthzOutbound', handle: outbound },
    { ...shared, pattern: '/v1.0/healthz/components', operation: 'HealthzComponents', handle: components },
  ];
}
