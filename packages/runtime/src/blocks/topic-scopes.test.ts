import { describe, expect, it } from 'vitest';

import { compileTopicScopes } from './topic-scopes.ts';

const allowed = (properties: Record<string, string>, appId: string, ...topics: string[]): boolean[] => {
  const { publish } = compileTopicScopes(properties, appId);
  return topics.map((topic) => publish?.(topic) ?? true);
};

describe('topic scopes', () => {
  it('allow everything when there are none', () => {
    expect(compileTopicScopes({ other: 'x' }, 'app')).toEqual({ publish: undefined, subscribe: undefined });
  });

  it('restrict every app to allowedTopics', () => {
    expect(allowed({ allowedTopics: 'a, b' }, 'app', 'a', 'b', 'c')).toEqual([true, true, false]);
  });

  it('keep protectedTopics to the apps that name them', () => {
    const properties = { protectedTopics: 'secret', publishingScopes: 'boss=secret' };
    expect(allowed(properties, 'app', 'secret', 'open')).toEqual([false, true]);
    expect(allowed(properties, 'boss', 'secret', 'open')).toEqual([true, false]);
  });

  it('restrict an app that is mentioned to its topics, to none when its list is empty', () => {
    const properties = { publishingScopes: 'app1=a,b;app2=' };
    expect(allowed(properties, 'app1', 'a', 'b', 'c')).toEqual([true, true, false]);
    expect(allowed(properties, 'app2', 'a')).toEqual([false]);
    expect(allowed(properties, 'app3', 'a')).toEqual([true]);
  });

  it('need allowedTopics and the scope of the app to agree', () => {
    expect(allowed({ allowedTopics: 'a', publishingScopes: 'app=a,b' }, 'app', 'a', 'b')).toEqual([true, false]);
  });

  it('differ for publishing and subscribing, and read names in any case', () => {
    const { publish, subscribe } = compileTopicScopes({ SUBSCRIPTIONSCOPES: 'app=a' }, 'app');
    expect(publish).toBeUndefined();
    expect(subscribe?.('a')).toBe(true);
    expect(subscribe?.('b')).toBe(false);
  });
});
