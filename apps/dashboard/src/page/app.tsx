import { useEffect, useRef } from 'preact/hooks';

import { InstanceView } from './instance-view.tsx';
import { InstancesView } from './instances-view.tsx';
import { MapView } from './map-view.tsx';
import { TraceView } from './trace-view.tsx';
import { TracesView } from './traces-view.tsx';
import { linkTo, useRoute } from './use-route.ts';

const pages = [
  { name: 'apps', title: 'Apps' },
  { name: 'traces', title: 'Traces' },
  { name: 'map', title: 'Service map' },
] as const;

export function App() {
  const route = useRoute();
  const [page = 'apps', id] = route;
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  const path = route.join('/');
  useEffect(() => {
    const title = main.current?.querySelector('h1')?.textContent;
    document.title = title ? `${title} – Outrigger` : 'Outrigger';
    // who uses a screen reader is told that the page is another one
    if (!isFirst.current) main.current?.focus();
    isFirst.current = false;
  }, [path]);
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), main.current?.focus())}>
        Skip to the content
      </a>
      <header>
        <span class="brand">Outrigger</span>
        <nav aria-label="Pages">
          {pages.map(({ name, title }) => (
            <a key={name} href={linkTo(name)} aria-current={page === name ? 'page' : undefined}>
              {title}
            </a>
          ))}
        </nav>
      </header>
      <main id="main" tabIndex={-1} ref={main}>
        {page === 'traces' ? (
          id === undefined ? (
            <TracesView />
          ) : (
            <TraceView key={id} id={id} />
          )
        ) : page === 'map' ? (
          <MapView />
        ) : id === undefined ? (
          <InstancesView />
        ) : (
          <InstanceView key={id} id={id} tab={route[2] ?? 'overview'} />
        )}
      </main>
    </>
  );
}
