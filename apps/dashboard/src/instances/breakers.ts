/** A circuit breaker at work, as the metrics of its sidecar have it. */
export interface Breaker {
  /** Of the Resiliency resource. */
  readonly name: string;
  readonly target: string;
  /** `outbound`, or `inbound` for calls of the app. */
  readonly direction: string;
  readonly state: string;
}

const sample = /^dapr_resiliency_cb_state\{(.*)\} (\S+)/;
const label = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** Reads Prometheus text: of each breaker the one state that has the value 1. */
export function readBreakers(text: string): Breaker[] {
  return text.split('\n').flatMap((line) => {
    const [, labels = '', value] = sample.exec(line) ?? [];
    if (Number(value) !== 1) return [];
    const {
      name = '',
      target = '',
      status = '',
      flow_direction: direction = '',
    } = Object.fromEntries(
      [...labels.matchAll(label)].map(([, key = '', quoted = '']) => [key, unescaped(quoted)]),
    ) as Partial<Record<string, string>>;
    return [{ name, target, direction, state: status }];
  });
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(.)/g, (_, letter: string) => (letter === 'n' ? '\n' : letter));
}
