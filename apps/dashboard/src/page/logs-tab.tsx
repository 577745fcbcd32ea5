import { useEffect, useRef, useState } from 'preact/hooks';

import { instancePath } from './api.ts';
import { Problem } from './parts.tsx';

const mostLines = 2000;

export function LogsTab({ id, logs }: { readonly id: string; readonly logs: readonly string[] }) {
  const [name = '', setName] = useState(logs[0]);
  if (logs.length === 0) {
    return (
      <p class="none">
        The logs of this app go to the terminal that it was started from. To have them here, start it with its logs in a
        file, or with <code>--dashboard</code>.
      </p>
    );
  }
  return (
    <section aria-label="Logs">
      <fieldset>
        <legend>Log of</legend>
        {logs.map((one) => (
          <label key={one}>
            <input type="radio" name="log" checked={one === name} onChange={() => setName(one)} /> {one}
          </label>
        ))}
      </fieldset>
      <LogLines key={name} path={instancePath(id, 'logs', name)} />
    </section>
  );
}

function LogLines({ path }: { readonly path: string }) {
  const [lines, setLines] = useState<readonly string[]>([]);
  const [error, setError] = useState<string>();
  const end = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  useEffect(() => {
    const source = new EventSource(path);
    source.addEventListener('open', () => (setLines([]), setError(undefined)));
    source.addEventListener('lines', ({ data }: MessageEvent<string>) => {
      const more = JSON.parse(data) as readonly string[];
      setLines((known) => [...known, ...more].slice(-mostLines));
    });
    source.addEventListener('failed', ({ data }: MessageEvent<string>) => {
      source.close();
      setError((JSON.parse(data) as { readonly message: string }).message);
    });
    return () => source.close();
  }, [path]);
  useEffect(() => {
    if (isAtEnd.current && end.current) end.current.scrollTop = end.current.scrollHeight;
  }, [lines]);
  return (
    <>
      <Problem text={error} />
      <div
        class="log"
        role="log"
        aria-label="Lines"
        tabIndex={0}
        ref={end}
        onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
          isAtEnd.current = scrollHeight - scrollTop - clientHeight < 20;
        }}
      >
        {lines.map((line, index) => (
          <div key={index}>{line}</div>
        ))}
      </div>
    </>
  );
}
