import { webcrypto } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  ApiextensionsV1Api,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  RbacAuthorizationV1Api,
} from '@kubernetes/client-node';
import { requireBackend } from '@outrigger/conformance';
import { silentLogger } from '@outrigger/core';
import { GrpcClient } from '@outrigger/grpc/client';
import { x509 } from '@outrigger/identity/x509';
import {
  SignCertificateRequest,
  SignCertificateRequest_TokenValidator as Kind,
  SignCertificateResponse,
} from '@outrigger/protocol/sentry';
import { generateAuthority, KubernetesValidator, Sentry } from '@outrigger/sentry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const own = 'spiffe://localhost/ns/CONTROL/dapr-sentry';

requireBackend('OUTRIGGER_TEST_KUBERNETES_KUBECONFIG', 'eval "$(e2e/backends/up.sh kubernetes)"', (kubeconfig) => {
  describe('the kubernetes validator, with an API server that reviews tokens', () => {
    const config = new KubeConfig();
    config.loadFromFile(kubeconfig);
    const core = config.makeApiClient(CoreV1Api);
    const custom = config.makeApiClient(CustomObjectsApi);
    const unique = Math.random().toString(36).slice(2, 8);
    const [control, shop] = [`control-${unique}`, `shop-${unique}`];
    const audience = own.replace('CONTROL', control);
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-sentry-'));
    const parts = new AsyncDisposableStack();
    let sentry: Sentry;

    /** A pod that no node runs, and a token as the kubelet would mount into it. */
    async function pod(namespace: string, annotations: Record<string, string>, audiences: string[] = [audience]) {
      const name = `pod-${Math.random().toString(36).slice(2)}`;
      const spec = { serviceAccountName: 'app', containers: [{ name: 'app', image: 'app' }] };
      const { metadata } = await core.createNamespacedPod({
        namespace,
        body: { metadata: { name, annotations }, spec },
      });
      const bound = { apiVersion: 'v1', kind: 'Pod', name, uid: metadata?.uid ?? '' };
      return { name, token: await token(namespace, 'app', audiences, bound) };
    }

    async function token(
      namespace: string,
      account: string,
      audiences: string[],
      boundObjectRef?: { apiVersion: string; kind: string; name: string; uid: string },
    ): Promise<string> {
      const { status } = await core.createNamespacedServiceAccountToken({
        namespace,
        name: account,
        body: { spec: { audiences, expirationSeconds: 3600, ...(boundObjectRef && { boundObjectRef }) } },
      });
      return status?.token ?? '';
    }

    /** Resolves with the names in the certificate; rejects with `<status>: <message>`. */
    async function names(request: { id: string; namespace: string; token: string }): Promise<string> {
      const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, [
        'sign',
        'verify',
      ]);
      const csr = await x509.Pkcs10CertificateRequestGenerator.create({
        keys,
        signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      });
      const client = new GrpcClient({ address: sentry.address, tls: true });
      try {
        await client.connected();
        const call = client.call('/dapr.proto.sentry.v1.CA/SignCertificate', {});
        const certificateSigningRequest = Buffer.from(csr.toString('pem'));
        call.end(
          SignCertificateRequest.encode({
            ...request,
            trustDomain: 'forged',
            tokenValidator: Kind.UNKNOWN,
            jwtAudiences: [],
            certificateSigningRequest,
          }).finish(),
        );
        const answer = await call.read();
        if (answer === undefined) throw new Error(`${call.status.status}: ${call.status.message}`);
        call.ignoreRest();
        const { workloadCertificate } = SignCertificateResponse.decode(answer);
        const [leaf = ''] = Buffer.from(workloadCertificate)
          .toString()
          .split(/(?<=-----END CERTIFICATE-----\n)/);
        return (
          new x509.X509Certificate(leaf).getExtension(x509.SubjectAlternativeNameExtension)?.names.items[0]?.value ?? ''
        );
      } finally {
        client.close();
      }
    }

    beforeAll(async () => {
      for (const name of [control, shop]) {
        await core.createNamespace({ body: { metadata: { name } } });
        await core.createNamespacedServiceAccount({ namespace: name, body: { metadata: { name: 'app' } } });
      }
      await core.createNamespacedServiceAccount({ namespace: control, body: { metadata: { name: 'sentry' } } });
      const rbac = config.makeApiClient(RbacAuthorizationV1Api);
      const role = `sentry-${unique}`;
      await rbac.createClusterRole({
        body: {
          metadata: { name: role },
          rules: [
            { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
            { apiGroups: ['dapr.io'], resources: ['configurations'], verbs: ['get'] },
          ],
        },
      });
      for (const name of [role, 'system:auth-delegator']) {
        await rbac.createClusterRoleBinding({
          body: {
            metadata: { name: `${role}-${name.replace(':', '-')}` },
            roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
            subjects: [{ kind: 'ServiceAccount', name: 'sentry', namespace: control }],
          },
        });
      }
      const tokenFile = join(folder, 'token');
      const { status } = await core.createNamespacedServiceAccountToken({
        namespace: control,
        name: 'sentry',
        body: { spec: { audiences: [], expirationSeconds: 3600 } },
      });
      writeFileSync(tokenFile, `${status?.token}\n`, { mode: 0o600 });
      const cluster = config.getCurrentCluster();
      sentry = await Sentry.start({
        credentials: await generateAuthority('localhost'),
        validators: [
          new KubernetesValidator({
            server: cluster?.server ?? '',
            ca: Buffer.from(cluster?.caData ?? '', 'base64').toString(),
            tokenFile,
            audiences: [audience, 'dapr.io/sentry'],
            controlPlane: { trustDomain: 'localhost', namespace: control },
          }),
        ],
        identity: { trustDomain: 'localhost', namespace: control, appId: 'dapr-sentry' },
        port: 0,
        workloadTtl: 3_600_000,
        allowedClockSkew: 0,
        logger: silentLogger,
      });
      parts.use(sentry);
    }, 60_000);
    afterAll(async () => {
      await parts.disposeAsync();
      rmSync(folder, { recursive: true });
    });

    it('certifies a pod as the app of its annotation, or by its name, whatever trust domain it asks for', async () => {
      const orders = await pod(shop, { 'dapr.io/app-id': 'orders' });
      expect(await names({ id: 'orders', namespace: shop, token: orders.token })).toBe(
        `spiffe://public/ns/${shop}/orders`,
      );
      const older = await pod(shop, {}, ['dapr.io/sentry']);
      expect(await names({ id: older.name, namespace: shop, token: older.token })).toBe(
        `spiffe://public/ns/${shop}/${older.name}`,
      );
    });

    it('refuses another app, another namespace, another audience, and what is no token of a pod', async () => {
      const good = await pod(shop, { 'dapr.io/app-id': 'orders' });
      const refused = (request: Partial<Parameters<typeof names>[0]>, message: string) =>
        expect(names({ id: 'orders', namespace: shop, token: good.token, ...request })).rejects.toThrow(
          `PERMISSION_DENIED: ${message}`,
        );
      await refused({ id: 'billing' }, `the pod ${good.name} is one of the app orders`);
      await refused({ namespace: control }, `the token is one of the namespace ${shop}`);
      await refused({ token: '' }, 'the request has no service account token');
      await refused({ token: 'garbage' }, 'Kubernetes does not accept the token');
      await refused({ token: `${good.token.slice(0, -6)}AAAAAA` }, 'Kubernetes does not accept the token');
      const elsewhere = await pod(shop, {}, ['somebody.else']);
      await refused({ token: elsewhere.token }, 'Kubernetes does not accept the token');
      await refused({ token: await token(shop, 'app', [audience]) }, 'the token is not one of a pod');
    });

    it('refuses the token of a pod that is gone', async () => {
      const gone = await pod(shop, { 'dapr.io/app-id': 'orders' });
      await core.deleteNamespacedPod({ name: gone.name, namespace: shop, gracePeriodSeconds: 0 });
      await expect(names({ id: 'orders', namespace: shop, token: gone.token })).rejects.toThrow(/^PERMISSION_DENIED: /);
    });

    it('takes the trust domain from the Configuration of the pod', async () => {
      const group = 'dapr.io';
      const definitions = config.makeApiClient(ApiextensionsV1Api);
      const open = { type: 'object', x_kubernetes_preserve_unknown_fields: true };
      await definitions
        .createCustomResourceDefinition({
          body: {
            metadata: { name: `configurations.${group}` },
            spec: {
              group,
              scope: 'Namespaced',
              names: { plural: 'configurations', singular: 'configuration', kind: 'Configuration' },
              versions: [{ name: 'v1alpha1', served: true, storage: true, schema: { openAPIV3Schema: open } }],
            },
          },
        })
        // one that another run has made
        .catch((error: { code?: number }) => expect(error.code).toBe(409));
      const body = {
        apiVersion: `${group}/v1alpha1`,
        kind: 'Configuration',
        metadata: { name: 'secured' },
        spec: { accessControl: { trustDomain: 'shop.example' } },
      };
      const where = { group, version: 'v1alpha1', namespace: shop, plural: 'configurations' };
      await expect
        .poll(
          () =>
            custom.createNamespacedCustomObject({ ...where, body }).then(
              () => true,
              // a test that is run once more
              (error: { code?: number }) => error.code === 409,
            ),
          {
            timeout: 60_000,
          },
        )
        .toBe(true);
      const secured = await pod(shop, { 'dapr.io/app-id': 'orders', 'dapr.io/config': 'secured' });
      expect(await names({ id: 'orders', namespace: shop, token: secured.token })).toBe(
        `spiffe://shop.example/ns/${shop}/orders`,
      );
      const lost = await pod(shop, { 'dapr.io/app-id': 'orders', 'dapr.io/config': 'missing' });
      await expect(names({ id: 'orders', namespace: shop, token: lost.token })).rejects.toThrow(
        `PERMISSION_DENIED: dapr.io/config: the namespace ${shop} has no Configuration missing`,
      );
    });

    it('certifies services of the control plane in its own namespace only', async () => {
      const operator = await pod(control, { 'dapr.io/control-plane': 'operator' });
      expect(await names({ id: 'dapr-operator', namespace: control, token: operator.token })).toBe(
        `spiffe://localhost/ns/${control}/dapr-operator`,
      );
      const forged = await pod(shop, { 'dapr.io/control-plane': 'operator' });
      await expect(names({ id: 'dapr-operator', namespace: shop, token: forged.token })).rejects.toThrow(
        `PERMISSION_DENIED: services of the control plane are in the namespace ${control} only`,
      );
    });

    it('says nothing about a token when Kubernetes does not let it review', async () => {
      const good = await pod(shop, { 'dapr.io/app-id': 'orders' });
      const tokenFile = join(folder, 'token');
      const right = readFileSync(tokenFile, 'utf8');
      try {
        writeFileSync(tokenFile, await token(shop, 'app', []));
        await expect(names({ id: 'orders', namespace: shop, token: good.token })).rejects.toThrow(
          'UNAVAILABLE: the validator KUBERNETES cannot judge the token now',
        );
      } finally {
        writeFileSync(tokenFile, right);
      }
    });
  });
});
