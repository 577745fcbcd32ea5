import { expect, it } from 'vitest';
import { grantedLease, knownLease, renewalDue, renewedLease } from './lease.ts';

const answer = (auth: object): string => JSON.stringify({ auth });

it('a lease is due for renewal after two thirds, and never at once', () => {
  const hour = grantedLease(answer({ client_token: 't', lease_duration: 3600, renewable: true }));
  expect(renewalDue(hour) - (hour.endsAt - 3_600_000)).toBe(2_400_000);
  expect(renewalDue({ ...hour, duration: 100, endsAt: 1100 })).toBe(1500);
});

it('a token without an end is never due', () => {
  expect(renewalDue(knownLease('t', JSON.stringify({ data: { ttl: 0 } })))).toBe(Infinity);
  expect(renewalDue(knownLease('t', '')).toString()).toBe('Infinity');
});

it('a renewal goes on asking for what was granted at first', () => {
  const first = knownLease('t', JSON.stringify({ data: { ttl: 10, creation_ttl: 3600, renewable: true } }));
  const second = renewedLease(first, answer({ client_token: 't', lease_duration: 60, renewable: true }));
  expect(second).toMatchObject({ token: 't', isRenewable: true, duration: 60_000, wanted: 3_600_000 });
});

it('an answer without a token is an error', () => {
  for (const text of ['', '{}', '{"auth": null}', answer({ client_token: '' })]) {
    expect(() => grantedLease(text)).toThrow('holds no token');
  }
});
