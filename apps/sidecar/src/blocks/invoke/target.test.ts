import { describe, expect, it } from 'vitest';

import { echo, echoed, pair } from '../../../test/echo-pair.ts';
import { Directory, startHalf } from '../../../test/sidecar-half.ts';

describe('the target of a call', () => {
  it('can stand in a header, with any path', async () => {
    const { caller } = await pair();
    const response = await fetch(`${caller.url}/some/path?q=1`, {
      method: 'POST',
      headers: { 'dapr-app-id': 'inventory' },
    });
    const seen = await echoed(response);
    expect(seen).toMatchObject({ method: 'POST', url: '/some/path?q=1' });
    expect(seen.headers).not.toHaveProperty('dapr-app-id');
  });

  it('can be the Basic-auth user, which the app then does not see', async () => {
    const { caller } = await pair();
    const authorization = `Basic ${Buffer.from('dapr-app-id:inventory').toString('base64')}`;
    const seen = await echoed(await fetch(`${caller.url}/some/path`, { headers: { authorization } }));
    expect(seen.url).toBe('/some/path');
    expect(seen.headers).not.toHaveProperty('authorization');
  });

  it.each([(url: string) => url, encodeURIComponent])('can be a URL in the path', async (written) => {
    const { caller, callee } = await pair();
    const url = written(`http://127.0.0.1:${callee.appPort}`);
    const seen = await echoed(await fetch(`${caller.url}/v1.0/invoke/${url}/method/a/b?c=d`));
    expect(seen.url).toBe('/a/b?c=d');
  });

  it('must be there', async () => {
    const { caller } = await pair();
    for (const path of ['/unknown', '/v1.0/invoke/inventory', '/v1.0/invoke//method/x']) {
      const response = await fetch(`${caller.url}${path}`);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({
        errorCode: 'ERR_DIRECT_INVOKE',
        message: 'failed getting app id either from the URL path or the header dapr-app-id',
      });
    }
  });

  it('must be known', async () => {
    const { caller } = await pair();
    const response = await fetch(`${caller.url}/v1.0/invoke/nobody/method/x`);
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({
      errorCode: 'ERR_DIRECT_INVOKE',
      message: "failed to invoke, id: nobody, err: couldn't find service: nobody",
    });
  });

  it('needs an app behind its sidecar', async () => {
    const directory = new Directory();
    await startHalf({ appId: 'headless', directory });
    const caller = await startHalf({ appId: 'checkout', directory });
    const message = async (target: string) => {
      const response = await fetch(`${caller.url}/v1.0/invoke/${target}/method/x`);
      expect(response.status).toBe(500);
      return ((await response.json()) as { message: string }).message;
    };
    expect(await message('headless')).toContain(
      'code = Internal desc = app channel is not initialized; start the sidecar of the app with --app-port',
    );
    expect(await message('checkout')).toContain(
      'cannot invoke local endpoint: app channel not initialized; start the sidecar of the app with --app-port',
    );
  });

  it('must be healthy', async () => {
    const directory = new Directory();
    await startHalf({ appId: 'sick', directory, handler: echo, isAppHealthy: () => false });
    const caller = await startHalf({ appId: 'checkout', directory });
    const response = await fetch(`${caller.url}/v1.0/invoke/sick/method/x`);
    expect(await response.json()).toMatchObject({ message: expect.stringContaining('app is not in a healthy state') });
  });
});
