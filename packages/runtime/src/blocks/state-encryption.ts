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
 * primary key encrypts; whichever key the stored name calls for decrypts. Keys (not values) of items stay readable.
 */
export class StateEncryption {
  readonly #store: string;
  readonly #primary: EncryptionKey;
  readonly #keys: ReadonlyMap<string, Buffer>;
  readonly #crypto = process.getBuiltinModule('node:crypto');

  /** Throws ComponentError `invalid-argument` for a key that is none. */
  constructor(store: string, primary: EncryptionKey, secondary?: EncryptionKey) {
    this.#store = store;
    this.#primary = primary;
    const keys = new Map<string, Buffer>();
    if (secondary) keys.set(secondary.name, keyBytes(store, 'secondaryEncryptionKey', secondary));
    keys.set(primary.name, keyBytes(store, 'primaryEncryptionKey', primary));
    this.#keys = keys;
  }

  encrypt(value: Uint8Array): Uint8Array {
    const key = this.#key(this.#primary.name);
    const nonce = this.#crypto.randomBytes(nonceLength);
    const cipher = this.#crypto.createCipheriv(algorithm(key), key, nonce);
    const sealed = Buffer.concat([nonce, cipher.update(value), cipher.final(), cipher.getAuthTag()]);
    return Buffer.from(`${sealed.toString('base64')}${separator}${this.#primary.name}`);
  }

  /** Throws ComponentError `invalid-argument` for what was not encrypted with one of the keys. */
  decrypt(stored: Uint8Array): Uint8Array {
    const text = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength).toString('utf8');
    const end = text.lastIndexOf(separator);
    const name = end < 0 ? '' : text.slice(end + separator.length);
    if (name === '') throw this.#failure('encryption key name not found on record');
    const key = this.#key(name);
    const sealed = Buffer.from(text.slice(0, end), 'base64');
    if (sealed.length < nonceLength + tagLength) throw this.#failure('the record is too short');
    const decipher = this.#crypto.createDecipheriv(algorithm(key), key, sealed.subarray(0, nonceLength), {
      authTagLength: tagLength,
    });
    decipher.setAuthTag(sealed.subarray(-tagLength));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(nonceLength, -tagLength)), decipher.final()]);
    } catch (error) {
      throw this.#failure('the record was changed, or encrypted with another key of the same name', error);
    }
  }

  #key(name: string): Buffer {
    const key = this.#keys.get(name);
    if (key === undefined)
      throw this.#failure(`it was encrypted with the key "${name}", which this component does not have`);
    return key;
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
