import { describe, expect, it } from 'vitest';
import { awsName, isEmptyName, nameOfArn, topicArn } from './names.ts';

describe('names of topics and queues', () => {
  it.each([
    ['orders', false, 'orders'],
    ['shop/orders.v1 (new)', false, 'shopordersv1new'],
    ['a-b_c', false, 'a-b_c'],
    ['bestellübersicht', false, 'bestellbersicht'],
    ['x'.repeat(100), false, 'x'.repeat(80)],
    ['orders', true, 'orders.fifo'],
    ['orders.fifo', true, 'orders.fifo'],
    ['orders.fifo', false, 'ordersfifo'],
    ['x'.repeat(100), true, `${'x'.repeat(75)}.fifo`],
    [`${'x'.repeat(78)}.fifo`, true, `${'x'.repeat(75)}.fifo`],
  ])('"%s" (fifo: %s) is "%s"', (name, fifo, expected) => {
    expect(awsName(name, fifo)).toBe(expected);
  });

  it('nothing is left of a name without any letter that AWS takes', () => {
    expect(isEmptyName(awsName('注文', false))).toBe(true);
    expect(isEmptyName(awsName('注文', true))).toBe(true);
    expect(isEmptyName(awsName('a', true))).toBe(false);
  });

  it.each([
    ['eu-central-1', 'arn:aws:sns:eu-central-1:123456789012:orders'],
    ['cn-north-1', 'arn:aws-cn:sns:cn-north-1:123456789012:orders'],
    ['us-gov-west-1', 'arn:aws-us-gov:sns:us-gov-west-1:123456789012:orders'],
  ])('in %s a topic is %s', (region, arn) => {
    expect(topicArn(region, '123456789012', 'orders')).toBe(arn);
    expect(nameOfArn(arn)).toBe('orders');
  });
});
