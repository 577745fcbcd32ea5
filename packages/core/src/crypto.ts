/** A key as a JSON Web Key (RFC 7517); public parts only. */
export type PublicJwk = Readonly<Record<string, unknown>>;

export interface EncryptRequest {
  readonly keyName: string;
  /** JWA name: `A256GCM`, `RSA-OAEP-256`, … */
  readonly algorithm: string;
  readonly plaintext: Uint8Array;
  readonly nonce?: Uint8Array;
  readonly associatedData?: Uint8Array;
}

export interface DecryptRequest {
  readonly keyName: string;
  readonly algorithm: string;
  readonly ciphertext: Uint8Array;
  readonly nonce?: Uint8Array;
  /** The authentication tag, for algorithms that keep it apart. */
  readonly tag?: Uint8Array;
  readonly associatedData?: Uint8Array;
}

export interface Ciphertext {
  readonly ciphertext: Uint8Array;
  readonly tag?: Uint8Array;
}

/** A provider of keys and of operations with them. Private keys do not leave it. */
export interface CryptoProvider extends AsyncDisposable {
  /** JWA names that `encrypt`, `decrypt`, `wrapKey` and `unwrapKey` take. */
  readonly encryptionAlgorithms: readonly string[];
  /** JWA names that `sign` and `verify` take. */
  readonly signatureAlgorithms: readonly string[];

  /** The public part; `undefined` when there is no such key, `unsupported` when the key is symmetric. */
  getKey(keyName: string, signal: AbortSignal): Promise<PublicJwk | undefined>;
  encrypt(request: EncryptRequest, signal: AbortSignal): Promise<Ciphertext>;
  decrypt(request: DecryptRequest, signal: AbortSignal): Promise<Uint8Array>;

  /** As `encrypt`, where the plaintext is a key. */
  wrapKey(request: EncryptRequest, signal: AbortSignal): Promise<Ciphertext>;
  unwrapKey(request: DecryptRequest, signal: AbortSignal): Promise<Uint8Array>;

  sign?(
    request: { readonly keyName: string; readonly algorithm: string; readonly digest: Uint8Array },
    signal: AbortSignal,
  ): Promise<Uint8Array>;
  verify?(
    request: {
      readonly keyName: string;
      readonly algorithm: string;
      readonly digest: Uint8Array;
      readonly signature: Uint8Array;
    },
    signal: AbortSignal,
  ): Promise<boolean>;
}
