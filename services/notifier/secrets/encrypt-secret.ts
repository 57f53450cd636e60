import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

/** Keys by id. The first encrypts new secrets. */
export type SecretKeys = ReadonlyMap<string, Buffer>

/** A secret as stored. The authentication tag follows the encrypted text. */
export type Encrypted = { key_id: string; nonce: Buffer; ciphertext: Buffer }

const cipher = 'aes-256-gcm'
const tagBytes = 16

/**
 * Parses `id:key,id:key`, each key 32 bytes in base64. Throws an Error that says what is wrong without showing a key.
 */
export function parseSecretKeys(text: string): SecretKeys {
  const keys = new Map<string, Buffer>()
  for (const [index, part] of text.split(',').entries()) {
    const [, id = '', base64 = ''] = /^\s*([\w.-]{1,50}):([A-Za-z0-9+/]{43}=)\s*$/.exec(part) ?? []
    if (!id) throw new Error(`key ${index + 1} is not an id, a colon and 32 bytes in base64`)
    if (keys.has(id)) throw new Error(`the id ${id} appears twice`)
    keys.set(id, Buffer.from(base64, 'base64'))
  }
  return keys
}

/** Encrypts under the first key. The name is authenticated: a row that gets another name cannot be decrypted. */
export function encryptSecret(keys: SecretKeys, name: string, secret: string): Encrypted {
  const [first] = keys
  if (!first) throw new Error('there is no key')
  const [key_id, key] = first
  const nonce = randomBytes(12)
  const encryption = createCipheriv(cipher, key, nonce).setAAD(Buffer.from(name))
  const ciphertext = Buffer.concat([encryption.update(secret, 'utf8'), encryption.final(), encryption.getAuthTag()])
  return { key_id, nonce, ciphertext }
}

/** Decrypts a secret. Throws an Error that says why it cannot. */
export function decryptSecret(keys: SecretKeys, name: string, { key_id, nonce, ciphertext }: Encrypted): string {
  const key = keys.get(key_id)
  if (!key) throw new Error(`the secret ${name} is encrypted under the key ${key_id}, which is not in SECRETS_KEYS`)
  try {
    const decryption = createDecipheriv(cipher, key, nonce, { authTagLength: tagBytes })
      .setAAD(Buffer.from(name))
      .setAuthTag(ciphertext.subarray(-tagBytes))
    return Buffer.concat([decryption.update(ciphertext.subarray(0, -tagBytes)), decryption.final()]).toString()
  } catch (cause) {
    throw new Error(`the secret ${name} does not match its name or its key ${key_id}: set it again`, { cause })
  }
}
