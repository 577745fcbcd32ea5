import { useState } from 'preact/hooks';

import { ask, instancePath, messageOf } from './api.ts';
import { Problem, Table } from './parts.tsx';
import type { LoadedComponent } from './runtime-tabs.tsx';

interface StoredItem {
  readonly text: string;
  readonly base64?: true;
  readonly etag?: string;
}

/** Reads and writes what the app has stored. Values are hidden until somebody wants to see them. */
export function StateTab({ id, stores }: { readonly id: string; readonly stores: readonly LoadedComponent[] }) {
  const [store = stores[0]?.name ?? '', setStore] = useState<string>();
  const [key, setKey] = useState('');
  const [item, setItem] = useState<StoredItem>();
  const [isShown, setShown] = useState(false);
  const [value, setValue] = useState('');
  const [done, setDone] = useState('');
  const [error, setError] = useState<string>();
  if (stores.length === 0) return <p class="none">This app has no state store.</p>;
  const path = `${instancePath(id, 'state', store, 'item')}?${new URLSearchParams({ key }).toString()}`;

  const attempt = async (work: () => Promise<string>): Promise<void> => {
    setDone('');
    setError(undefined);
    try {
      setDone(await work());
    } catch (reason) {
      setError(messageOf(reason));
    }
  };
  const get = (wanted = path, name = key) =>
    attempt(async () => {
      setItem(undefined);
      setShown(false);
      setItem(await ask<StoredItem>(wanted));
      return `Read ${name}.`;
    });
  const save = () =>
    attempt(async () => {
      await ask(path, 'PUT', { value });
      setItem(undefined);
      // nor is it shown here any longer
      setValue('');
      return `Saved ${key}.`;
    });
  const remove = () => attempt(async () => (await ask(path, 'DELETE'), setItem(undefined), `Deleted ${key}.`));

  return (
    <section aria-label="State">
      <form
        class="fields"
        onSubmit={(event) => {
          event.preventDefault();
          void get();
        }}
      >
        <label>
          Store
          <select value={store} onChange={({ currentTarget }) => (setStore(currentTarget.value), setItem(undefined))}>
            {stores.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label>
          Key
          <input
            required
            value={key}
            onInput={({ currentTarget }) => (setKey(currentTarget.value), setItem(undefined))}
          />
        </label>
        <button type="submit">Get</button>
      </form>
      <p role="status">{done}</p>
      <Problem text={error} />
      {item && (
        <div class="item">
          <pre class="value" aria-label="Value">
            {isShown ? item.text : '••••••••'}
          </pre>
          {item.base64 && <p>These bytes are not text: they are shown in base64.</p>}
          {item.etag && (
            <p>
              ETag <code>{item.etag}</code>
            </p>
          )}
          <button type="button" aria-pressed={isShown} onClick={() => setShown(!isShown)}>
            {isShown ? 'Hide the value' : 'Show the value'}
          </button>{' '}
          <button type="button" disabled={item.base64} onClick={() => (setValue(item.text), setShown(true))}>
            Edit
          </button>{' '}
          <button type="button" onClick={() => confirm(`Delete ${key}?`) && void remove()}>
            Delete
          </button>
        </div>
      )}
      <form
        class="fields"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <label class="wide">
          New value
          <textarea rows={3} value={value} onInput={({ currentTarget }) => setValue(currentTarget.value)} />
        </label>
        <button type="submit" disabled={key === ''}>
          Save
        </button>
      </form>
      {stores.find(({ name }) => name === store)?.capabilities?.includes('KEYS_LIKE') ? (
        <Keys
          key={store}
          path={instancePath(id, 'state', store, 'keys')}
          onChoose={(name) => {
            setKey(name);
            const query = new URLSearchParams({ key: name }).toString();
            void get(`${instancePath(id, 'state', store, 'item')}?${query}`, name);
          }}
        />
      ) : (
        <p class="none">This store cannot list its keys.</p>
      )}
    </section>
  );
}

interface KeyPage {
  readonly keys: readonly string[];
  readonly token?: string;
}

function Keys({ path, onChoose }: { readonly path: string; readonly onChoose: (key: string) => void }) {
  const [prefix, setPrefix] = useState('');
  const [page, setPage] = useState<KeyPage>();
  const [error, setError] = useState<string>();
  const list = async (token = ''): Promise<void> => {
    setError(undefined);
    try {
      const next = await ask<KeyPage>(`${path}?${new URLSearchParams({ prefix, token }).toString()}`);
      setPage((known) => ({ ...next, keys: token === '' ? next.keys : [...(known?.keys ?? []), ...next.keys] }));
    } catch (reason) {
      setPage(undefined);
      setError(messageOf(reason));
    }
  };
  return (
    <>
      <form
        class="fields"
        onSubmit={(event) => {
          event.preventDefault();
          void list();
        }}
      >
        <label>
          Keys that begin with
          <input value={prefix} onInput={({ currentTarget }) => setPrefix(currentTarget.value)} />
        </label>
        <button type="submit">List</button>
      </form>
      <Problem text={error} />
      {page && (
        <>
          <Table
            caption="Keys"
            head={['Key']}
            rows={page.keys.map((key) => [
              <button type="button" class="plain" onClick={() => onChoose(key)}>
                {key}
              </button>,
            ])}
            none="There is none."
          />
          {page.token && (
            <button type="button" onClick={() => void list(page.token)}>
              More
            </button>
          )}
        </>
      )}
    </>
  );
}
