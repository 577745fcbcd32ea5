import { useEffect, useState } from 'preact/hooks';

import type { WatchedMessage } from '../topics/watched-message.ts';
import { ask, instancePath, messageOf } from './api.ts';
import { Problem, Table, timeOf } from './parts.tsx';
import type { SubscriptionMetadata } from './runtime-tabs.tsx';
import { linkTo } from './use-route.ts';

interface TopicsTabProps {
  readonly id: string;
  readonly pubsubs: readonly string[];
  readonly subscriptions: readonly SubscriptionMetadata[];
}

/** Publishes messages by hand, and shows those that come. */
export function TopicsTab({ id, pubsubs, subscriptions }: TopicsTabProps) {
  const [pubsub = pubsubs[0] ?? '', setPubsub] = useState<string>();
  const [topic, setTopic] = useState('');
  const [watched, setWatched] = useState<string>();
  if (pubsubs.length === 0) return <p class="none">This app has no pub/sub component.</p>;
  const known = [...new Set(subscriptions.filter((one) => one.pubsubname === pubsub).map((one) => one.topic))];
  const query = new URLSearchParams({ pubsub, topic }).toString();
  return (
    <section aria-label="Topics">
      <form
        class="fields"
        onSubmit={(event) => {
          event.preventDefault();
          setWatched(watched === query ? undefined : query);
        }}
      >
        <label>
          Pub/sub
          <select value={pubsub} onChange={({ currentTarget: { value } }) => (setPubsub(value), setWatched(undefined))}>
            {pubsubs.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label>
          Topic
          <input
            list="topics"
            required
            value={topic}
            onInput={({ currentTarget: { value } }) => (setTopic(value), setWatched(undefined))}
          />
          <datalist id="topics">
            {known.map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
        </label>
        <button type="submit">{watched === undefined ? 'Watch' : 'Stop watching'}</button>
      </form>
      <Publish id={id} pubsub={pubsub} topic={topic} />
      {watched !== undefined && <Messages key={watched} path={`${instancePath(id, 'watch')}?${watched}`} />}
    </section>
  );
}

function Publish({ id, pubsub, topic }: { readonly id: string; readonly pubsub: string; readonly topic: string }) {
  const [data, setData] = useState('{}');
  const [contentType, setContentType] = useState('application/json');
  const [published, setPublished] = useState<{ readonly topic: string; readonly traceId: string }>();
  const [error, setError] = useState<string>();
  const publish = async (): Promise<void> => {
    setError(undefined);
    setPublished(undefined);
    try {
      const message = { pubsub, topic, data, contentType };
      const { traceId } = await ask<{ readonly traceId: string }>(instancePath(id, 'publish'), 'POST', message);
      setPublished({ topic, traceId });
    } catch (reason) {
      setError(messageOf(reason));
    }
  };
  return (
    <form
      class="fields"
      onSubmit={(event) => {
        event.preventDefault();
        void publish();
      }}
    >
      <label class="wide">
        Message
        <textarea rows={3} value={data} onInput={({ currentTarget: { value } }) => setData(value)} />
      </label>
      <label>
        Content type
        <input value={contentType} onInput={({ currentTarget: { value } }) => setContentType(value)} />
      </label>
      <button type="submit" disabled={topic === ''}>
        Publish
      </button>
      <p role="status">
        {published && (
          <>
            Published to {published.topic}. <a href={linkTo('traces', published.traceId)}>Its trace</a>
          </>
        )}
      </p>
      <Problem text={error} />
    </form>
  );
}

const mostMessages = 200;

function Messages({ path }: { readonly path: string }) {
  const [messages, setMessages] = useState<readonly WatchedMessage[]>([]);
  const [status, setStatus] = useState('Subscribing…');
  const [error, setError] = useState<string>();
  useEffect(() => {
    const source = new EventSource(path);
    source.addEventListener('subscribed', () => (setStatus('Watching.'), setError(undefined)));
    source.addEventListener('message', ({ data }: MessageEvent<string>) => {
      const message = JSON.parse(data) as WatchedMessage;
      setMessages((known) => [message, ...known].slice(0, mostMessages));
    });
    source.addEventListener('left-out', ({ data }: MessageEvent<string>) => {
      setError(`${data} messages came faster than they can be shown, and are left out`);
    });
    source.addEventListener('failed', ({ data }: MessageEvent<string>) => {
      source.close();
      setStatus('Not watching.');
      setError((JSON.parse(data) as { readonly message: string }).message);
    });
    return () => source.close();
  }, [path]);
  return (
    <>
      <p role="status">
        {status} {messages.length} {messages.length === 1 ? 'message' : 'messages'}, the newest first.
      </p>
      <Problem text={error} />
      <Table
        caption="Messages"
        head={['Time', 'Topic', 'From', 'Data', 'Trace']}
        rows={messages.map(({ at, topic, source, text, base64, traceId }) => [
          timeOf(at),
          topic,
          source,
          <pre class="value">{base64 ? `(base64) ${text}` : text}</pre>,
          traceId === undefined ? '–' : <a href={linkTo('traces', traceId)}>{traceId.slice(0, 8)}</a>,
        ])}
        none="None has come yet."
      />
    </>
  );
}
