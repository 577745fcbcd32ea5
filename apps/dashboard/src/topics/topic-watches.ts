import type { DashboardInstance } from '../instances/dashboard-instance.ts';
import { streamTopic, type Topic } from './topic-stream.ts';
import type { WatchedMessage } from './watched-message.ts';

export interface TopicWatcher {
  readonly onSubscribed: () => void;
  readonly onMessage: (message: WatchedMessage) => void;
  /** The last that it hears. */
  readonly onEnd: (error: unknown) => void;
}

interface Watch {
  readonly watchers: Set<TopicWatcher>;
  readonly abort: AbortController;
  isSubscribed: boolean;
}

/** Topics that are being watched: one subscription for each, however many browsers look, since they would share its messages. */
export class TopicWatches {
  readonly #watches = new Map<string, Watch>();

  /** Hands back what ends it for this watcher. */
  add(instance: DashboardInstance, topic: Topic, watcher: TopicWatcher): () => void {
    const key = JSON.stringify([instance.appId, topic.pubsub, topic.topic]);
    const watch = this.#watches.get(key) ?? this.#begin(key, instance, topic);
    watch.watchers.add(watcher);
    if (watch.isSubscribed) watcher.onSubscribed();
    return () => {
      watch.watchers.delete(watcher);
      if (watch.watchers.size > 0) return;
      this.#forget(key, watch);
      watch.abort.abort();
    };
  }

  #begin(key: string, instance: DashboardInstance, topic: Topic): Watch {
    const watch: Watch = { watchers: new Set(), abort: new AbortController(), isSubscribed: false };
    this.#watches.set(key, watch);
    this.#run(watch, instance, topic).then(
      () => this.#end(key, watch, new Error('the subscription has ended')),
      (error: unknown) => this.#end(key, watch, error),
    );
    return watch;
  }

  async #run(watch: Watch, instance: DashboardInstance, topic: Topic): Promise<void> {
    for await (const message of streamTopic(instance, topic, watch.abort.signal)) {
      if (message === undefined) watch.isSubscribed = true;
      for (const { onSubscribed, onMessage } of watch.watchers) {
        if (message === undefined) onSubscribed();
        else onMessage(message);
      }
    }
  }

  #end(key: string, watch: Watch, error: unknown): void {
    this.#forget(key, watch);
    for (const { onEnd } of watch.watchers) onEnd(error);
  }

  /** By then another one may have taken its place. */
  #forget(key: string, watch: Watch): void {
    if (this.#watches.get(key) === watch) this.#watches.delete(key);
  }
}
