import { errorMessage } from '@outrigger/core';

import { SettingError } from '../process/setting-error.ts';

interface Replacement {
  readonly pattern: RegExp;
  readonly by: string;
}

const shape = 'each has to be {name: <metric>, labels: [{name: <label>, regex: {<new value>: <regular expression>}}]}';

/**
 * `rules` of `spec.metrics`: what in a label's value a regular expression matches is replaced, one expression after the other. A metric
 * may be named with or without `dapr_`. `undefined`: there are no rules. Throws a SettingError.
 */
export function labelRules(rules: unknown): ((metric: string, label: string, value: string) => string) | undefined {
  if (rules === undefined || rules === null) return undefined;
  if (!Array.isArray(rules)) throw wrong('has to be a list');
  const replacements = new Map<string, Replacement[]>();
  for (const [index, rule] of rules.entries()) {
    const { name, labels } = object(rule);
    if (typeof name !== 'string' || !Array.isArray(labels)) throw wrong(`[${index}]: ${shape}`);
    for (const entry of labels) {
      const { name: label, regex } = object(entry);
      if (typeof label !== 'string') throw wrong(`[${index}]: ${shape}`);
      const own = Object.entries(object(regex)).map(([by, pattern]) => ({ by, pattern: compiled(pattern, index) }));
      replacements.set(keyOf(name, label), own);
    }
  }
  if (replacements.size === 0) return undefined;
  return (metric, label, value) =>
    (replacements.get(keyOf(metric, label)) ?? []).reduce(
      (text, { pattern, by }) => text.replaceAll(pattern, by),
      value,
    );
}

function keyOf(metric: string, label: string): string {
  return `${metric.replace(/^dapr_/, '')} ${label}`;
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function compiled(pattern: unknown, index: number): RegExp {
  try {
    return new RegExp(String(pattern), 'g');
  } catch (error) {
    throw wrong(`[${index}]: ${errorMessage(error)}`);
  }
}

function wrong(what: string): SettingError {
  return new SettingError(`the Configuration's spec.metrics.rules ${what}`);
}
