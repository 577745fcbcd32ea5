import type { Dispatcher } from 'undici';

/** Takes the security token out of a request that a redirect has sent to another server. */
export function keepTokenHome(home: string, tokenHeader: string | undefined): Dispatcher.DispatcherComposeInterceptor {
  const secret = tokenHeader?.toLowerCase();
  return (dispatch) => (options, handler) => {
    if (secret === undefined || String(options.origin) === home) return dispatch(options, handler);
    const { headers, ...rest } = options;
    return dispatch({ ...rest, headers: without(headers ?? {}, secret) }, handler);
  };
}

type Headers = NonNullable<Dispatcher.DispatchOptions['headers']>;

/** undici's redirects hand on the headers as a flat list or as an object. */
function without(headers: Headers, name: string): Headers {
  if (Array.isArray(headers)) {
    return headers.filter((_, index) => headers[index - (index % 2)]?.toLowerCase() !== name);
  }
  const entries = Object.entries(headers as Record<string, string>);
  return Object.fromEntries(entries.filter(([key]) => key.toLowerCase() !== name));
}
