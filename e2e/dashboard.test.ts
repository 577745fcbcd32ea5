import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { echoApp, start } from './cli/command.ts';
import type { Child } from './processes/child.ts';
import { freePorts } from './processes/ports.ts';
import { Workspace } from './processes/workspace.ts';

const executablePath = [
  process.env['OUTRIGGER_TEST_CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path !== undefined && existsSync(path));
const isCi = Boolean(process.env['CI']);
if (executablePath === undefined && !isCi) {
  console.warn(
    'The dashboard is not tested: there is no Chromium (apt-get install chromium, or OUTRIGGER_TEST_CHROMIUM).',
  );
}

/** What keeps somebody from using a page, by the rules of the Web Content Accessibility Guidelines and common practice. */
const audit = { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] };

const policies = `apiVersion: dapr.io/v1alpha1
kind: Resiliency
metadata: {name: careful}
spec:
  policies: {circuitBreakers: {quick: {trip: consecutiveFailures > 0, timeout: 10m}}}
  targets: {apps: {orders: {circuitBreaker: quick}}}
`;

const away = (file: string) => `apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: away}
spec: {type: state.sqlite, version: v1, metadata: [{name: connectionString, value: ${file}}, {name: busyTimeout, value: 100ms}]}
`;

/** Set: a folder for pictures of the pages, such as docs/images. */
const pictures = process.env['OUTRIGGER_TEST_PICTURES'];
const patience = 60_000;

describe.skipIf(executablePath === undefined && !isCi)('the dashboard of what runs, in a browser', () => {
  const workspace = new Workspace();
  const problems: string[] = [];
  let run: Child;
  let browser: Browser;
  let page: Page;
  let url: string;
  let callerPort: number;
  let locked: DatabaseSync;

  beforeAll(async () => {
    const ports = await freePorts(3);
    callerPort = ports[2] ?? 0;
    const apps = ['orders', 'shop'].map((id, index) => {
      workspace.file(`${id}/app.js`, echoApp);
      return `  - {appID: ${id}, appDirPath: ./${id}, appPort: ${ports[index]}, command: [node, app.js]}\n`;
    });
    workspace.file('caller/policies/resiliency.yaml', policies);
    const file = workspace.file('caller/away.db', '');
    locked = new DatabaseSync(file);
    locked.exec('BEGIN EXCLUSIVE');
    workspace.file('caller/policies/away.yaml', away(file));
    const caller = `  - {appID: caller, appDirPath: ./caller, daprHTTPPort: ${callerPort}, resourcesPath: ./policies, retryComponents: true}\n`;
    workspace.file('dapr.yaml', `version: 1\napps:\n${apps.join('')}${caller}`);
    run = start({ cwd: workspace.path, home: workspace.path }, 'run', '-f', '.', '--dashboard');
    url = (await run.line(/dashboard: (\S+)/, patience))[1] ?? '';
    await run.line(/You're up and running!/, patience);
    browser = await chromium.launch({ ...(executablePath && { executablePath }), args: ['--no-sandbox'] });
    const context = await browser.newContext({ colorScheme: 'light', viewport: { width: 1180, height: 760 } });
    page = await context.newPage();
    page.setDefaultTimeout(patience);
    // what the content policy refuses is an error here, too
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('404')) problems.push(message.text());
    });
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(new URL(url).origin) && !request.url().startsWith('data:')) {
        problems.push(`asked ${request.url()}`);
      }
    });
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    await run?.[Symbol.asyncDispose]();
    locked?.close();
    workspace[Symbol.dispose]();
  });

  async function picture(name: string): Promise<void> {
    if (pictures === undefined) return;
    mkdirSync(pictures, { recursive: true });
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: join(pictures, `dashboard-${name}-${colorScheme}.png`) });
    }
    await page.emulateMedia({ colorScheme: 'light' });
  }

  /** Of the view that is open, in light and dark. */
  async function violations(): Promise<string[]> {
    const found: string[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.evaluate(axe.source);
      const { violations: all, passes } = await page.evaluate<axe.AxeResults>(
        `axe.run(document, ${JSON.stringify(audit)})`,
      );
      expect(passes.length).toBeGreaterThan(10);
      for (const { id, help, nodes } of all) {
        for (const { html, failureSummary } of nodes)
          found.push(`${colorScheme} ${id} (${help}): ${html} ${failureSummary ?? ''}`);
      }
    }
    await page.emulateMedia({ colorScheme: 'light' });
    return found;
  }

  const openApp = async (app: string, tab: string) => {
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Apps' }).click();
    await page.getByRole('link', { name: app, exact: true }).click();
    await page.getByRole('navigation', { name: 'Of this app' }).getByRole('link', { name: tab }).click();
  };

  it('shows both with their health, and its address keeps no token', async () => {
    await page.goto(url);
    for (const app of ['orders', 'shop']) {
      await page.getByRole('row').filter({ hasText: app }).getByText('ready').waitFor();
    }
    expect(page.url()).toBe(`${new URL(url).origin}/`);
    expect(await page.title()).toBe('Apps – Outrigger');
    await picture('apps');
  });

  it('is used with the keyboard alone', async () => {
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Traces' }).waitFor();
    await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('main');
    expect(await page.getByRole('link', { name: 'Traces' }).getAttribute('aria-current')).toBe('page');
  });

  it('shows what is loaded, and who subscribes to what', async () => {
    await openApp('orders', 'Components');
    await page.getByRole('row').filter({ hasText: 'pubsub.sqlite' }).getByText('loaded').waitFor();
    await openApp('orders', 'Subscriptions');
    await page.getByRole('row').filter({ hasText: '/orders' }).waitFor();
  });

  it('publishes a message by hand and sees it arrive, as the apps do, and its trace', async () => {
    await openApp('orders', 'Topics');
    await page.getByLabel('Topic', { exact: true }).fill('orders');
    await page.getByRole('button', { name: 'Watch', exact: true }).click();
    await page.getByText('Watching.').waitFor();
    // those who look do not take messages from each other either
    const other = await page.context().newPage();
    await other.goto(page.url());
    await other.getByLabel('Topic', { exact: true }).fill('orders');
    await other.getByRole('button', { name: 'Watch', exact: true }).click();
    await other.getByText('Watching.').waitFor();
    for (const id of [41, 42]) {
      await page.getByLabel('Message', { exact: true }).fill(`{"id": ${id}}`);
      await page.getByRole('button', { name: 'Publish' }).click();
      await page
        .getByRole('row')
        .filter({ hasText: `{"id": ${id}}` })
        .waitFor();
      // neither app misses what the dashboard has seen
      for (const app of ['orders', 'shop']) {
        await run.line(new RegExp(`^== APP - ${app} == ordered \\{"id":${id}\\}$`, 'm'), patience);
      }
    }
    await other.close();
    await picture('topics');

    await page.getByRole('link', { name: 'Its trace' }).click();
    await page.getByRole('row').filter({ hasText: 'publish' }).first().waitFor();
    const bars = page.getByRole('img', { name: /takes/ });
    await expect.poll(() => bars.count(), { timeout: patience }).toBeGreaterThanOrEqual(3);
    await expect.poll(() => page.getByRole('cell', { name: 'shop', exact: true }).count()).toBeGreaterThan(0);
    await page.getByRole('row').filter({ hasText: 'publish' }).getByRole('button').first().click();
    await page.getByText('"spanId"').waitFor();
    await picture('trace');
  });

  it('draws which service has another do something', async () => {
    await page.getByRole('link', { name: 'Service map' }).click();
    await page.getByRole('row').filter({ hasText: 'orders' }).filter({ hasText: 'shop' }).waitFor();
    await page.getByRole('img', { name: /^services: / }).waitFor();
    await picture('map');
  });

  it('writes state, finds it by its key, and hides it until somebody wants to see it', async () => {
    await openApp('shop', 'State');
    await page.getByLabel('Key', { exact: true }).fill('cart-7');
    await page.getByLabel('New value').fill('{"sum": 12}');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved cart-7.').waitFor();
    await page.getByLabel('Keys that begin with').fill('cart');
    await page.getByRole('button', { name: 'List' }).click();
    await page.getByRole('button', { name: 'cart-7' }).click();
    await page.getByText('Read cart-7.').waitFor();
    expect(await page.getByLabel('Value', { exact: true }).textContent()).toBe('••••••••');
    await picture('state');
    await page.getByRole('button', { name: 'Show the value' }).click();
    expect(await page.getByLabel('Value', { exact: true }).textContent()).toBe('{"sum": 12}');

    await page.getByLabel('Key', { exact: true }).fill('none');
    await page.getByRole('button', { name: 'Get' }).click();
    await page.getByRole('alert').filter({ hasText: 'there is nothing under none' }).waitFor();
  });

  it('shows policies, and a breaker that opens', async () => {
    // the one path at which the app says that there is nothing
    const call = () => fetch(`http://127.0.0.1:${callerPort}/v1.0/invoke/orders/method/dapr/config`);
    expect((await call()).status).toBe(404);
    expect((await call()).status).toBe(500);
    await openApp('caller', 'Resiliency');
    await page.getByRole('row').filter({ hasText: 'app_orders' }).getByText('▲ open').waitFor();
    await page.getByText('consecutiveFailures > 0').waitFor();
    await picture('resiliency');
  });

  it('shows logs as they grow', async () => {
    await openApp('orders', 'Logs');
    await page.getByRole('log').getByText('ordered {"id":42}').waitFor();
    await page.getByRole('radio', { name: 'sidecar' }).click();
    await page.getByRole('log').getByText('dapr initialized. Status: Running').waitFor();
  });

  it('says which component is away, and why', async () => {
    await openApp('caller', 'Components');
    const row = page.getByRole('row').filter({ hasText: 'state.sqlite' }).filter({ hasText: 'away' });
    await row.getByText('▲ retrying').waitFor();
    await row.getByText(/is locked by another process/).waitFor();
    expect(await violations()).toEqual([]);
  });

  it('publishes a message with the keyboard alone', async () => {
    const write = async (text: string) => {
      await page.keyboard.press('Control+A');
      await page.keyboard.type(text);
    };
    await openApp('shop', 'Topics');
    await page.getByLabel('Topic', { exact: true }).focus();
    await write('orders');
    const tabTo = async (name: string) => {
      for (let step = 0; step < 20; step++) {
        await page.keyboard.press('Tab');
        const [label, outline] = await page.evaluate<[string, string]>(
          '[document.activeElement.labels?.[0]?.textContent ?? document.activeElement.textContent, getComputedStyle(document.activeElement).outlineStyle]',
        );
        // whoever tabs sees where they are
        expect(outline).not.toBe('none');
        if (label.trim() === name) return;
      }
      throw new Error(`no Tab comes to ${name}`);
    };
    await tabTo('Watch');
    await page.keyboard.press('Enter');
    await page.getByText('Watching.').waitFor();
    await tabTo('Message');
    await write('{"id": 43}');
    await tabTo('Publish');
    await page.keyboard.press('Space');
    await page.getByRole('row').filter({ hasText: '{"id": 43}' }).waitFor();
    expect(await violations()).toEqual([]);
  });

  it.for(['Overview', 'Subscriptions', 'Resiliency', 'Configuration', 'State', 'Logs'])(
    'keeps nobody out of what it shows of an app: %s',
    async (tab) => {
      await openApp('orders', tab);
      await page
        .getByRole('navigation', { name: 'Of this app' })
        .getByRole('link', { name: tab })
        .and(page.locator('[aria-current=page]'))
        .waitFor();
      expect(await violations()).toEqual([]);
    },
  );

  it.for(['Apps', 'Traces', 'Service map'])('keeps nobody out of the page %s', async (title) => {
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: title }).click();
    await page.getByRole('heading', { name: title, level: 1 }).waitFor();
    await page.getByRole('row').nth(1).waitFor();
    expect(await violations()).toEqual([]);
    if (title !== 'Traces') return;
    await page.getByRole('row').nth(1).getByRole('link').first().click();
    await page.getByRole('img', { name: /takes/ }).first().waitFor();
    expect(await violations()).toEqual([]);
  });

  it('has asked nobody else, and nothing in it was refused', () => {
    expect(problems).toEqual([]);
  });

  it('is gone with the run, and nothing is left', async () => {
    await browser.close();
    expect(await run.stop('SIGINT')).toMatchObject({ code: 0 });
    await expect(fetch(url)).rejects.toThrow('fetch failed');
  });
});
