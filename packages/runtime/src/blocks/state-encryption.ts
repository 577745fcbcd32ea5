import { ComponentError } from '@outrigger/core';

/** A key for client-side encryption: hex text of 16, 24 or 32 bytes, and the name of the secret it came from. */
export interface EncryptionKey {
  readonly name: string;
  readonly hex: string;
}

const separator = '||';
const nonceLength = 12;
const tagLength = 16;

/**
 * Encrypts what goes to a store: AES-GCM, kept as `base64(nonce ‖ ciphertext ‖ tag)||<secret name>`, as Dapr does. The
 * primary key encrypts; the key from the secret of the stored name decrypts. Keys (not values) of items stay readable.
 */
export class StateEncryption {
  readonly #store: string;
  readonly #primary: Buffer;
  readonly #suffix: string;
  /** By the name of their secret; two where both keys are in one secret. */
  readonly #keys = new Map<string, readonly Buffer[]>();
  readonly #crypto = process.getBuiltinModule('node:crypto');

  /** Throws ComponentError `invalid-argument` for a key that is none. */
  constructor(store: string, primary: EncryptionKey, secondary?: EncryptionKey) {
    this.#store = store;
    this.#primary = keyBytes(store, 'primaryEncryptionKey', primary);
    this.#suffix = separator + primary.name;
    this.#keys.set(primary.name, [this.#primary]);
    if (secondary === undefined) return;
    const older = keyBytes(store, 'secondaryEncryptionKey', secondary);
    this.#keys.set(secondary.name, [...(this.#keys.get(secondary.name) ?? []), older]);
  }

  encrypt(value: Uint8Array): Uint8Array {
    const nonce = this.#crypto.randomBytes(nonceLength);
    const cipher = this.#crypto.createCipheriv(algorithm(this.#primary), this.#primary, nonce);
    const sealed = Buffer.concat([nonce, cipher.update(value), cipher.final(), cipher.getAuthTag()]);
    return Buffer.from(sealed.toString('base64') + this.#suffix);
  }

  /**
   * A record of no bytes is an empty value, as in Dapr. Throws ComponentError `invalid-argument` for what was not encrypted with
   * one of the keys.
   */
  decrypt(stored: Uint8Array): Uint8Array {
    if (stored.byteLength === 0) return stored;
    const record = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
    const end = record.lastIndexOf(separator);
    const name = end < 0 ? '' : record.toString('utf8', end + separator.length);
    if (name === '')
      throw this.#failure('encryption key name not found on record; it was stored before encryption was switched on');
    const keys = this.#keys.get(name);
    if (keys === undefined) {
      throw this.#failure(
        `it was encrypted with the key of the secret "${name}", which is neither the primaryEncryptionKey nor the secondaryEncryptionKey of this component`,
      );
    }
    const sealed = Buffer.from(record.toString('latin1', 0, end), 'base64');
    if (sealed.length < nonceLength + tagLength) throw this.#failure('the record is too short');
    let cause: unknown;
    for (const key of keys) {
      try {
        return this.#open(sealed, key);
      } catch (error) {
        cause = error;
      }
    }
    throw this.#failure(`the record was changed, or the secret "${name}" held another key when it was stored`, cause);
  }

  #open(sealed: Buffer, key: Buffer): Buffer {
    const decipher = this.#crypto.createDecipheriv(algorithm(key), key, sealed.subarray(0, nonceLength), {
      authTagLength: tagLength,
    });
    decipher.setAuthTag(sealed.subarray(-tagLength));
    return Buffer.concat([decipher.update(sealed.subarray(nonceLength, -tagLength)), decipher.final()]);
  }

  #failure(reason: string, cause?: unknown): ComponentError {
    const message = `could not decrypt data for state store ${this.#store}: ${reason}`;
    return new ComponentError('invalid-argument', message, { cause });
  }
}

function algorithm(key: Buffer): 'aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm' {
  return key.length === 16 ? 'aes-128-gcm' : key.length === 24 ? 'aes-192-gcm' : 'aes-256-gcm';
}

function keyBytes(store: string, field: string, key: EncryptionKey): Buffer {
  if (!/^([0-9a-f]{32}|[0-9a-f]{48}|[0-9a-f]{64})$/i.test(key.hex)) {
    throw new ComponentError(
      'invalid-argument',
      `component "${store}": ${field} must be 16, 24 or 32 bytes as hex digits (make one with: openssl rand -hex 32)`,
    );
  }
  if (key.name === '' || key.name.includes(separator)) {
    throw new ComponentError(
      'invalid-argument',
      `component "${store}": ${field} must come from a secret (secretKeyRef) whose name is stored beside each value`,
    );
  }
  return Buffer.from(key.hex, 'hex');
}
