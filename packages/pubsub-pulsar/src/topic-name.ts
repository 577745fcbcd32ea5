import { ComponentError } from '@outrigger/core';

export interface TopicDefaults {
  readonly tenant: string;
  readonly namespace: string;
  readonly persistent: boolean;
}

/** `persistent://tenant/namespace/topic`. A topic that is such a name already stays as it is. */
export function fullTopicName(topic: string, { tenant, namespace, persistent }: TopicDefaults): string {
  if (/^(non-)?persistent:\/\/[^/]+\/[^/]+\/[^/]+$/.test(topic)) return topic;
  if (topic === '' || topic.includes('/')) {
    throw new ComponentError(
      'invalid-argument',
      `"${topic}" is no topic of Pulsar: a name has no slash, or is persistent://tenant/namespace/topic`,
    );
  }
  return `${persistent ? 'persistent' : 'non-persistent'}://${tenant}/${namespace}/${topic}`;
}

/** The parts of a full name, each fit for a URL: `persistent/tenant/namespace/topic`. */
export function topicPath(fullName: string): string {
  return fullName.replace('://', '/').split('/').map(encodeURIComponent).join('/');
}
