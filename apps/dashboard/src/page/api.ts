import { useEffect, useState } from 'preact/hooks';

/** Asks the dashboard's server; rejects with what it says where it refuses. */
export async function ask<T>(path: string, method = 'GET', body?: unknown): Promise<T> {
  const response = await fetch(path, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  }).catch(() => {
    throw new Error('the dashboard is no longer served');
  });
  const answer = (await response.json().catch(() => ({}))) as T & { readonly message?: string };
  if (!response.ok) throw new Error(answer.message ?? `the dashboard answered ${response.status}`);
  return answer;
}

export interface Polled<T> {
  /** The last that came; absent: nothing yet. */
  readonly data?: T;
  /** Why the last attempt failed; absent: it did not. */
  readonly error?: string;
}

/** Asks now and again, for as long as the page is looked at. Begins anew with another path. */
export function usePolled<T>(path: string, everyMs = 2000): Polled<T> {
  const [polled, setPolled] = useState<Polled<T>>({});
  useEffect(() => {
    let timer: number | undefined;
    let isOver = false;
    setPolled({});
    const look = async (): Promise<void> => {
      if (!document.hidden) {
        try {
          const data = await ask<T>(path);
          if (!isOver) setPolled({ data });
        } catch (error) {
          if (!isOver) setPolled((last) => ({ ...last, error: messageOf(error) }));
        }
      }
      if (!isOver) timer = setTimeout(() => void look(), everyMs);
    };
    void look();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [path, everyMs]);
  return polled;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The path of an instance in the dashboard's API. */
export function instancePath(id: string, ...parts: readonly string[]): string {
  return ['/api/instances', ...[id, ...parts].map(encodeURIComponent)].join('/');
}
