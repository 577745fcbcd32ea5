import { ComponentError } from '@outrigger/core';
import type { Channel, ChannelModel } from 'amqplib';
import { inTime } from './in-time.ts';

/** A channel to declare things on, opened when it is needed, and again when the broker has closed it over a refusal. */
export class DeclaringChannel implements AsyncDisposable {
  readonly #connection: () => ChannelModel | undefined;
  #channel: Channel | undefined;

  /** `connection` says which there is at the moment. */
  constructor(connection: () => ChannelModel | undefined) {
    this.#connection = connection;
  }

  async open(): Promise<Channel> {
    if (this.#channel) return this.#channel;
    const channel = await this.#connection()?.createChannel();
    if (!channel) throw new ComponentError('unavailable', 'the connection to the broker is lost');
    channel.on('error', () => {});
    channel.on('close', () => {
      if (this.#channel === channel) this.#channel = undefined;
    });
    this.#channel = channel;
    return channel;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#channel) await inTime(this.#channel.close());
  }
}
