import { ComponentError, type ResolveRequest } from '@outrigger/core';

/** What may be part of a host name; an app id is asked for as callers write it. */
const label = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/i;
const defaultNamespace = 'default';
const placeholder = /\{\{\s*\.(ID|Namespace|Port)\s*\}\}/g;

/** Makes the host names of apps; `{{.ID}}`, `{{.Namespace}}` and `{{.Port}}` in the template are filled in. */
export class ServiceName {
  readonly #template: string;

  /** Throws `invalid-argument` for a template that gives no host name. */
  constructor(template: string) {
    const filled = template.replaceAll(placeholder, (_, name: string) => (name === 'Port' ? '1' : 'x'));
    if (!/\{\{\s*\.ID\s*\}\}/.test(template)) {
      throw new ComponentError('invalid-argument', 'template: expected {{.ID}} in it, which stands for the app id');
    }
    if (/[{}\s/]/.test(filled) || !URL.canParse(`tcp://${filled}`)) {
      throw new ComponentError(
        'invalid-argument',
        'template: expected a host name, such as {{.ID}}-dapr.{{.Namespace}}.svc.example.org:{{.Port}}',
      );
    }
    this.#template = template;
  }

  /** `undefined`: no service can be called so. */
  of({ appId, namespace, port }: ResolveRequest): { readonly host: string; readonly port: number } | undefined {
    const values = { ID: appId, Namespace: namespace || defaultNamespace, Port: String(port) };
    if (!label.test(values.ID) || !label.test(values.Namespace)) return undefined;
    const place = this.#template.replaceAll(placeholder, (_, name: keyof typeof values) => values[name]);
    const { hostname, port: filled } = new URL(`tcp://${place}`);
    return { host: hostname, port: filled === '' ? port : Number(filled) };
  }
}
