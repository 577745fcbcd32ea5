import { ComponentError, defineComponent, field, type NameResolver } from '@outrigger/core';
import { addressesOf } from '@outrigger/dns-client';

const placeholder = '{appid}';
/** What may be part of a host name; an app id is asked for as callers write it. */
const hostPart = /^[a-z0-9._-]+$/i;

/** `nameresolution.nameformat`: host names made of app ids by a pattern. */
export default defineComponent({
  kind: 'nameresolution',
  type: 'nameresolution.nameformat',
  version: 'v1',
  description: 'Host names made of app ids by a pattern',
  metadata: {
    format: field.text({
      description: 'Host name of an app, with `{appid}` in it, and its port; without a port: 50002',
      required: true,
      example: '{appid}.apps.example.org:50002',
    }),
  },
  create: async ({ metadata: { format } }): Promise<NameResolver> => {
    if (!format.includes(placeholder)) {
      throw new ComponentError(
        'invalid-argument',
        `format: expected ${placeholder} in it, which stands for the app id`,
      );
    }
    const sample = `tcp://${format.replaceAll(placeholder, 'x')}`;
    if (/[\s/{}]/.test(sample.slice('tcp://'.length)) || !URL.canParse(sample)) {
      throw new ComponentError(
        'invalid-argument',
        `format: expected a host name, such as ${placeholder}.example.org:50002`,
      );
    }
    return {
      resolve: async ({ appId, port }, signal) => {
        signal.throwIfAborted();
        if (!hostPart.test(appId)) return [];
        const { hostname, port: own } = new URL(`tcp://${format.replaceAll(placeholder, appId)}`);
        return addressesOf(hostname.replace(/^\[(.*)\]$/, '$1'), own === '' ? port : Number(own), signal);
      },
      [Symbol.asyncDispose]: async () => {},
    };
  },
});
