import { errorMessage } from '@outrigger/core';
import type { Environment } from '@marcbachmann/cel-js';

import type { SubscriptionSpec } from '../app-channel/app-channel.ts';
import type { CloudEvent } from './cloud-event.ts';

/** The path an event goes to; `undefined` when no rule matches. Throws when an expression cannot be evaluated for it. */
export type Router = (event: CloudEvent) => string | undefined;

/**
 * Compiles a subscription's rules: in order, the first match wins. A rule's `match` is CEL over the variable `event`.
 * Rejects with what is wrong for an expression that does not compile or cannot be a boolean.
 */
export async function compileRoutes(rules: SubscriptionSpec['rules']): Promise<Router> {
  const [first] = rules;
  if (first !== undefined && isDefault(first)) return () => first.path;

  // Imported here because most subscriptions have no rules.
  const cel = await import('@marcbachmann/cel-js');
  const environment = new cel.Environment().registerVariable('event', 'map');
  const compiled: { readonly path: string; readonly matches?: (event: CloudEvent) => boolean }[] = [];
  for (const rule of rules) {
    if (isDefault(rule)) {
      compiled.push({ path: rule.path });
      break;
    }
    compiled.push({ path: rule.path, matches: compile(environment, rule.match ?? '') });
  }
  return (event) => compiled.find(({ matches }) => matches?.(event) ?? true)?.path;
}

function isDefault(rule: SubscriptionSpec['rules'][number]): boolean {
  return (rule.match ?? '').trim() === '';
}

function compile(environment: Environment, source: string): (event: CloudEvent) => boolean {
  const expression = source.trim();
  let program;
  try {
    program = environment.parse(expression);
  } catch (error) {
    throw badExpression(expression, errorMessage(error), error);
  }
  const { valid, type, error } = program.check();
  if (!valid) throw badExpression(expression, errorMessage(error), error);
  if (type !== 'bool' && type !== 'dyn') throw badExpression(expression, `it gives ${type}, not a boolean`);
  return (event) => {
    let result: unknown;
    try {
      result = program({ event });
    } catch (error) {
      throw undecided(expression, event, reasonOf(expression, errorMessage(error)), error);
    }
    if (typeof result !== 'boolean') throw undecided(expression, event, `it gives ${typeof result}, not a boolean`);
    return result;
  };
}

function undecided(expression: string, event: CloudEvent, reason: string, cause?: unknown): Error {
  return new Error(
    `rule \`${expression}\` of the subscription cannot be evaluated for event ${String(event['id'])}: ${reason}`,
    { cause },
  );
}

/** The library shows the place in further lines; for a key that is missing there is a way out. */
function reasonOf(expression: string, message: string): string {
  const [line = ''] = message.split('\n', 1);
  const reason = line.charAt(0).toLowerCase() + line.slice(1);
  const key = /^no such key: (\w+)$/.exec(reason)?.[1];
  if (key === undefined) return reason;
  const access = new RegExp(`\\bevent(?:\\.\\w+)*?\\.${key}\\b`).exec(expression)?.[0];
  return access === undefined ? reason : `${reason}; use has(${access})`;
}

function badExpression(expression: string, reason: string, cause?: unknown): Error {
  return new Error(`the routing rule \`${expression}\` is not a valid CEL expression over \`event\`: ${reason}`, {
    cause,
  });
}
