/** Whether this app may use a topic. */
type TopicRule = (topic: string) => boolean;

export interface TopicScopes {
  /** `undefined`: every topic. */
  readonly publish: TopicRule | undefined;
  /** `undefined`: every topic. */
  readonly subscribe: TopicRule | undefined;
}

/**
 * Compiles the topic scopes in a component's metadata for one app: `allowedTopics` and `protectedTopics` (`a,b`),
 * `publishingScopes` and `subscriptionScopes` (`app1=a,b;app2=`). Names are read in any case.
 */
export function compileTopicScopes(properties: Readonly<Record<string, string>>, appId: string): TopicScopes {
  const byName = new Map(Object.entries(properties).map(([name, value]) => [name.toLowerCase(), value]));
  const allowed = topics(byName.get('allowedtopics'));
  const protectedTopics = topics(byName.get('protectedtopics'));
  const rule = (scopes: string | undefined): TopicRule | undefined => {
    const own = topicsOfApp(scopes, appId);
    if (allowed.size === 0 && protectedTopics.size === 0 && own === undefined) return undefined;
    return (topic) => {
      if (allowed.size > 0 && !allowed.has(topic)) return false;
      if (own === undefined) return !protectedTopics.has(topic);
      return own.has(topic);
    };
  };
  return { publish: rule(byName.get('publishingscopes')), subscribe: rule(byName.get('subscriptionscopes')) };
}

function topics(list: string | undefined): ReadonlySet<string> {
  return new Set(
    (list ?? '')
      .replaceAll(' ', '')
      .split(',')
      .filter((topic) => topic !== ''),
  );
}

/** `undefined` when the app is not mentioned; an empty set when it is mentioned with no topic. */
function topicsOfApp(scopes: string | undefined, appId: string): ReadonlySet<string> | undefined {
  let own: Set<string> | undefined;
  for (const entry of (scopes ?? '').replaceAll(' ', '').split(';')) {
    const [app, list] = entry.split('=');
    if (app !== appId || list === undefined) continue;
    own = new Set([...(own ?? []), ...topics(list)]);
  }
  return own;
}
